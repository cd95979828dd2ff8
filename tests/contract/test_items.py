"""Items as they lie in tables: golden ones, which older code has written and newer code reads."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.support.orders import a_saga, an_approval

from sfn_cqrs.api.write_budget import BUCKETS, Bucket
from sfn_cqrs.kernel.command import Audit, Content
from sfn_cqrs.kernel.keys import BudgetKey, ImportKey, ImportKind, TaskKey, TaskKind
from sfn_cqrs.kernel.policy import Client
from sfn_cqrs.kernel.read_models import rules as read_models
from sfn_cqrs.kernel.read_models.items import PROBLEMS, SEGMENTS, VIEWS
from sfn_cqrs.kernel.tables.dynamodb import Item, marshal, unmarshal
from sfn_cqrs.machines.approval.items import APPROVALS
from sfn_cqrs.machines.approval.rules import Happened, Pinned, Rules, Stage, Status, Verdict, Vote
from sfn_cqrs.machines.command.items import (
    as_command,
    as_process,
    as_row,
    command_item,
    process_item,
    row_item,
)
from sfn_cqrs.machines.command.process import Lane, Mode, Outcome
from sfn_cqrs.machines.import_csv.budget import ImportBudget, Taken, budget_key
from sfn_cqrs.machines.import_csv.csv.rows import Problem
from sfn_cqrs.machines.import_csv.items import IMPORT_BUDGETS, IMPORT_QUEUE, IMPORTS
from sfn_cqrs.machines.import_csv.job import (
    Ending,
    JobStatus,
    Loaded,
    Parent,
    ProcessingMode,
    Reader,
)
from sfn_cqrs.machines.import_csv.places import ImportQueue
from sfn_cqrs.machines.import_csv.results import Counts, PublishMode
from sfn_cqrs.machines.saga.items import SAGAS
from sfn_cqrs.machines.saga.rules import Entry, EntryStatus, SagaStatus
from sfn_cqrs.machines.task import rules as task
from sfn_cqrs.machines.task.items import TASKS, as_item, as_task_key, new_item, pointer_item
from sfn_cqrs.machines.zip_orchestrator.items import ZIPS, as_file, file_item
from sfn_cqrs.machines.zip_orchestrator.job import FileStatus
from sfn_cqrs_tools.testing.builders import (
    ARCHIVE,
    CSV,
    RESIZE,
    UPDATED,
    UPLOADED,
    a_command,
    a_file,
    a_job,
    a_process,
    a_task,
    a_zip,
    an_item,
)

AT = "2026-11-25T10:00:00.000Z"
TRACE = "Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=1"
ASKED: dict[str, Any] = {"source": "api", "trace": TRACE, "request_id": "r-1", "updated_at": AT}
FAILED: dict[str, Any] = {"error": "Error", "cause": "Traceback: it broke"}
NOBODY = Audit(AT)
VIEW = read_models.ViewKey("tenant1", "orders")
CONTENT = Content("Narita", {"n": 1.5, "list": [1, None, {"a": True}], "": ""}, is_deleted=True)


RECORDS: dict[str, Any] = {
    "command": a_command(),
    "command, full": a_command(
        version=3,
        content=CONTENT,
        request_id="r-1",
        source="import",
        source_row=7,
        created=NOBODY,
        updated=UPDATED,
    ),
    "command in its second shape": a_command(shape=2),
    "command in S3": a_command(attributes_s3="tenant1/k"),
    "row": a_command(source="api").as_row(),
    "row in its second shape": a_command(shape=2).as_row(),
    "row in S3": a_command(attributes_s3="tenant1/k", source_row=2, content=CONTENT).as_row(),
    "process": a_process(),
    "process, full": a_process(
        attempt=2,
        outcome=Outcome.FAILED,
        mode=Mode.SYNC,
        lane=Lane.EXPRESS,
        status="sync_data:FAILED",
        command_id="id",
        source="api",
        trace=TRACE,
        opened_at=AT,
        updated_at=AT,
    ),
    "saga": a_saga(),
    "saga, full": a_saga(
        status=SagaStatus.PARKED,
        attempt=2,
        restarts=1,
        is_undoing=True,
        log={
            "reserve_stock": Entry(
                status=EntryStatus.DONE, began_at=AT, ended_at=AT, result={"B": 1}
            ),
            "charge_payment": Entry(
                attempt=2, seq=1, began_at=AT, unknown={"later": [1]}, **FAILED
            ),
        },
        created=NOBODY,
        **ASKED,
        **FAILED,
    ),
    "task": a_task(),
    "task, full": a_task(
        TaskKey("tenant1", "RESIZE", "01KAXK3V9Q0M3W8C5R6T7Y8Z9A", TaskKind.SINGLE),
        status=task.TaskStatus.FAILED,
        left=1,
        pending=(1, 2),
        stop=task.Stop.FAILED_FAST,
        counts=task.Counts(1, 2, 0),
        input=None,
        input_s3="k",
        concurrency=7,
        **ASKED,
    ),
    "approval": an_approval(),
    "approval, full": an_approval(
        subject="o-1",
        payload=[1, {"a": None}],
        item=Pinned("ORDER", "o-1", 2),
        digest="d",
        note="please",
        rules=Rules(("a", "b"), "boss", 2, four_eyes=False, expires_after=60, remind_every=61),
        remind_at=AT,
        due_at=AT,
        status=Status.GRANTED,
        stage=Stage.FAILED,
        happened=Happened.GRANTED,
        attempt=2,
        restarts=1,
        round=3,
        reminders=2,
        votes=(Vote("a", Verdict.APPROVE, AT), Vote("b", Verdict.REJECT, AT, "no", "::1", "d")),
        token="token",
        token_seq=3,
        **ASKED,
        **FAILED,
    ),
    "import": a_job(),
    "import, full": a_job(
        ImportKey("tenant1", CSV.ulid, ImportKind.ROW),
        source=UPLOADED,
        size=5,
        client=Client(frozenset({"b", "a"}), is_machine=True),
        encoding="utf-8",
        delimiter=";",
        publish_mode=PublishMode.ASYNC,
        dry_run=True,
        status=JobStatus.FAILED,
        started_at=AT,
        finished_at=AT,
        is_cancelled=True,
        ending=Ending(JobStatus.FAILED, Counts(1, 2, 3, 4), 5, Problem("c", "r")),
        retried_by="c-2",
        trace=TRACE,
        updated_at=AT,
        mode=ProcessingMode.DIRECT,
        cells={"a": "", "b": "x"},
        retries=("c-2", "c-1"),
        since=AT,
        sent_at=AT,
        loaded=Loaded(1, ("icao", "name"), ("icao", None), Reader.NONE, UPLOADED),
        refusal=Problem("code", "reason"),
        step=3,
        undoes="c-3",
        undone_by="c-4",
        parent=Parent("z-1", 7, "token", 2),
    ),
    "import, with an ending and a parent that lack a part": a_job(
        ending=Ending(JobStatus.COMPLETED), parent=Parent("z-1", 0), client=Client(), by=NOBODY
    ),
    "zip": a_zip(),
    "zip, full": a_zip(
        table="airports",
        attempt=2,
        opened_at=AT,
        files=3,
        problem=Problem("c", "r"),
        hooks={"h": "", "g": "broke"},
        settled=True,
        retries=(ARCHIVE,),
        client=Client(frozenset({"a"})),
        status=JobStatus.FAILED,
        ending=Ending(JobStatus.FAILED, problem=Problem("c", "r")),
        is_cancelled=True,
    ),
    "file": a_file(),
    "file, refused": a_file(
        2, table="airports", status=FileStatus.FAILED, problem=Problem("c", "r")
    ),
    "view": read_models.View(key=VIEW, types=("ORDER",), created=NOBODY, since=AT),
    "view, full": read_models.View(
        key=VIEW,
        types=("ORDER", "STOCK"),
        created=UPDATED,
        since=AT,
        place=read_models.Place.POSTGRES,
        is_every_version=True,
        patience=5,
        serving=2,
        other=3,
        latest=4,
        stage=read_models.Stage.COMPARING,
        attempt=2,
        round=1,
        replayed=read_models.Counts(1, 2, 3),
        compared=read_models.Counts(4, 5, 6),
        updated_at=AT,
    ),
    "segment": read_models.Segment(key=read_models.SegmentKey("p", "s", "n"), attempt=1),
    "segment, full": read_models.Segment(
        key=read_models.SegmentKey("p", "s", "n"),
        attempt=1,
        cursor="c",
        is_done=True,
        counts=read_models.Counts(1, 2, 3),
        expected=9,
        opened_at=AT,
        before=2,
        updated_at=AT,
    ),
    "problem": read_models.Problem(key=read_models.ProblemKey("p", "s"), what="w", error="e"),
    "budget": ImportBudget(key=budget_key("tenant1"), jobs={"c-1": Taken(5, 0, AT)}, updated_at=AT),
    "bucket": Bucket(key=BudgetKey("tenant1"), full_at=7, leased=3, updated_at=AT),
    "queue": ImportQueue(
        running={"tenant1/c-1": AT}, waiting=frozenset({"tenant2", "tenant1"}), updated_at=AT
    ),
}
GOLDEN: dict[str, Item] = json.loads(Path(__file__).with_name("items.json").read_text())
WRITTEN: dict[str, Callable[[Any], Item]] = {
    "command": command_item,
    "row": row_item,
    "process": lambda process: process_item(process, 3),
    "saga": SAGAS.item,
    "task": TASKS.item,
    "approval": APPROVALS.item,
    "import": IMPORTS.item,
    "zip": ZIPS.item,
    "file": lambda file: file_item(ARCHIVE, file),
    "view": VIEWS.item,
    "segment": SEGMENTS.item,
    "problem": PROBLEMS.item,
    "budget": IMPORT_BUDGETS.item,
    "bucket": BUCKETS.item,
    "queue": IMPORT_QUEUE.item,
}
READ: dict[str, Callable[[Item], Any]] = {
    "command": lambda item: as_command(item, item.get("attributes", {})),
    "row": lambda item: as_row(item, item.get("attributes", {})),
    "process": as_process,
    "saga": SAGAS.record,
    "task": TASKS.record,
    "approval": APPROVALS.record,
    "import": IMPORTS.record,
    "zip": ZIPS.record,
    "file": as_file,
    "view": VIEWS.record,
    "segment": SEGMENTS.record,
    "problem": PROBLEMS.record,
    "budget": IMPORT_BUDGETS.record,
    "bucket": BUCKETS.record,
    "queue": IMPORT_QUEUE.record,
}
SINCE_THEN = {
    "process": ("lane", "command_id", "source", "opened_at", "updated_at"),
    "saga": ("source", "trace", "request_id"),
    "task": ("concurrency", "source", "trace", "request_id"),
    "approval": ("digest", "source", "trace", "request_id", "note"),
    "import": ("size", "retries", "since", "sent_at", "client", "trace"),
    "zip": ("size", "retries", "settled", "client"),
    "command": ("source", "is_deleted", "request_id"),
}
"""What items that are older lack."""


def kind_of(name: str) -> str:
    return name.split(maxsplit=1)[0].strip(",")


@pytest.mark.parametrize("name", RECORDS)
def test_a_record_is_stored_as_ever(name: str) -> None:
    assert marshal(WRITTEN[kind_of(name)](RECORDS[name])) == GOLDEN[name]


@pytest.mark.parametrize("name", [name for name in RECORDS if "S3" not in name])
def test_an_item_is_read_as_the_record_that_it_was(name: str) -> None:
    assert READ[kind_of(name)](unmarshal(GOLDEN[name])) == RECORDS[name]


@pytest.mark.parametrize("name", SINCE_THEN)
def test_an_item_is_read_that_lacks_what_came_later(name: str) -> None:
    older = {each: GOLDEN[name][each] for each in GOLDEN[name] if each not in SINCE_THEN[name]}

    assert READ[name](unmarshal(older)).key == RECORDS[name].key


@pytest.mark.parametrize(
    ("name", "attribute"),
    [
        ("saga", "name"),
        ("saga", "restarts"),
        ("task", "attempt"),
        ("task", "task_kind"),
        ("approval", "votes"),
        ("approval", "needed"),
        ("approval", "attempt"),
        ("process", "outcome"),
        ("command", "version"),
        ("import", "import_kind"),
        ("import", "status"),
        ("zip", "hooks"),
        ("view", "replayed"),
        ("segment", "is_done"),
        ("queue", "waiting"),
    ],
)
def test_an_item_that_lacks_what_every_item_has_is_not_read(name: str, attribute: str) -> None:
    item = unmarshal(GOLDEN[name])
    del item[attribute]

    with pytest.raises(KeyError, match=attribute):
        READ[name](item)


def test_an_item_of_a_task_and_the_pointer_to_it_are_stored_as_ever() -> None:
    stored = marshal(new_item(a_task(), 1, {"w": 80}, AT))
    pointer = marshal(pointer_item(RESIZE))

    assert (stored, pointer) == (GOLDEN["item of a task"], GOLDEN["pointer to a task"])
    assert marshal(new_item(a_task(), 1, None, AT)) == GOLDEN["item of a task, nothing"]
    assert as_item(unmarshal(stored)) == an_item(index=1, input={"w": 80}, updated_at=AT)
    assert as_task_key(unmarshal(pointer)) == RESIZE


def test_how_a_file_has_ended_says_more_than_what_it_said_before() -> None:
    ending = {"status": "COMPLETED", "created": 1, "updated": 0, "unchanged": 2, "failed": 0}
    item = unmarshal(GOLDEN["file, refused"]) | {"ending": {**ending, "cancelled": 3}}

    file = as_file(item)

    assert (file.counts, file.cancelled, file.problem) == (Counts(1, 0, 2, 0), 3, None)


def test_what_another_version_keeps_in_a_line_of_a_saga_is_stored_again() -> None:
    item = unmarshal(GOLDEN["saga, full"])
    item["log"]["reserve_stock"]["another"] = {"a": 1}

    again = SAGAS.item(SAGAS.record(item))

    assert again["log"]["reserve_stock"]["another"] == {"a": 1}


@pytest.mark.parametrize("name", RECORDS)
def test_an_item_names_every_attribute_that_its_class_has(name: str) -> None:
    """None is what a write removes; what is not named would stay."""
    fullest = max(
        (each for each in RECORDS if kind_of(each) == kind_of(name)),
        key=lambda each: len(GOLDEN[each]),
    )

    assert WRITTEN[kind_of(name)](RECORDS[name]).keys() >= GOLDEN[fullest].keys() - {"ttl"}
