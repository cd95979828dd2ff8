"""In-memory stand-ins of the adapters, all over one store, behind one lock.

The process items change by the domain's own predicates and transitions, so a fake is the
rule itself; the contract tests hold DynamoDB's expressions to it.
"""

from tests.fakes.imports import ImportBucket, ImportTable
from tests.fakes.services import (
    AttributesBucket,
    DeadLetters,
    Executions,
    LinkSecret,
    LiveEvents,
    Queue,
    Topic,
)
from tests.fakes.store import ManualClock, Shelf, Store
from tests.fakes.tables import (
    CommandTable,
    DataTable,
    GenerationRows,
    HistoryTable,
    ProcessTable,
    ReadModel,
    WaitTable,
)
from tests.fakes.task_table import TaskTable
from tests.fakes.world import World
from tests.fakes.zips import ZipBucket

__all__ = [
    "AttributesBucket",
    "CommandTable",
    "DataTable",
    "DeadLetters",
    "Executions",
    "GenerationRows",
    "HistoryTable",
    "ImportBucket",
    "ImportTable",
    "LinkSecret",
    "LiveEvents",
    "ManualClock",
    "ProcessTable",
    "Queue",
    "ReadModel",
    "Shelf",
    "Store",
    "TaskTable",
    "Topic",
    "WaitTable",
    "World",
    "ZipBucket",
]
