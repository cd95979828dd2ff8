"""Jobs, tenants' budgets and the queue as items of the import table."""

from typing import Final

from sfn_cqrs.kernel.keys import ImportKey, QueueKey
from sfn_cqrs.kernel.policy import Client
from sfn_cqrs.kernel.tables.codec import BUDGET_KEY, CREATED, PUBLIC, Codec, as_list
from sfn_cqrs.kernel.tables.records import Kind
from sfn_cqrs.machines.import_csv.budget import ImportBudget, Taken
from sfn_cqrs.machines.import_csv.csv.rows import Problem
from sfn_cqrs.machines.import_csv.job import Ending, Job, Source
from sfn_cqrs.machines.import_csv.places import ImportQueue
from sfn_cqrs.machines.import_csv.results import Counts

LEAN: Final = ("trace", "depth", "is_cancelled", "started_at", "finished_at")
"""Fields that jobs of files and of archives leave out if they are empty."""
PROBLEM: Final = as_list(Problem)
SOURCE: Final = Codec(Source)
ENDING: Final = Codec(
    Ending, inside={"counts": Codec(Counts)}, lean=("handlers",), parts={Problem: PROBLEM}
)
"""How a job, or a file of an archive, ended."""
CLIENT: Final = Codec(Client, lean=("user",)).inner
PARTS: Final = {Problem: PROBLEM, Ending: ENDING.inner, Client: CLIENT}
_KIND: Final = {"kind": "import_kind"}
_JOB: Final = Codec(
    Job,
    kind="job",
    inside={
        "key": Codec(ImportKey, names=_KIND, also=PUBLIC),
        "by": CREATED,
    },
    lean=(*LEAN, "size", "retries", "since", "sent_at", "undoes", "undone_by", "mapping"),
    also={"opened_at": "opened_at"},
    parts=PARTS,
)
WHOSE: Final = Codec(ImportKey, names=_KIND)
"""Attributes that identify an item's job: the key of the job that it is, or belongs to."""

_BUDGET: Final = Codec(
    ImportBudget, kind="budget", inside={"key": BUDGET_KEY}, parts={Taken: as_list(Taken)}
)
_QUEUE_KEY: Final = Codec(QueueKey, names={"what": "sk"}, also={"pk": "pk"})
_QUEUE: Final = Codec(ImportQueue, kind="queue", inside={"key": _QUEUE_KEY})

IMPORT_BUDGETS = Kind(_BUDGET)
IMPORT_QUEUE = Kind(_QUEUE)
IMPORTS = Kind(_JOB, is_open=lambda job: job.status.is_open or job.is_awaited)
