"""The tables of the TypeScript framework, taken over: nothing is lost, and an audit is content."""

import gzip
import json
import tracemalloc
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from tests.contract.worlds import MemoryWorld
from tests.support.original import ULID, command, exported, history, state, task

from sfn_cqrs import bootstrap
from sfn_cqrs.care.audit.service import Audit
from sfn_cqrs.kernel.clock import Retention
from sfn_cqrs.kernel.command import Audit as By
from sfn_cqrs.kernel.errors import BusyError
from sfn_cqrs.kernel.keys import ItemKey, TaskKey, TaskKind
from sfn_cqrs.machines.command.service import CommandService
from sfn_cqrs.machines.task.rules import TaskStatus
from sfn_cqrs.machines.task.service import TaskService
from sfn_cqrs_tools.original.report import Report
from sfn_cqrs_tools.original.rows import Reading
from sfn_cqrs_tools.original.shelf import Kind, Shelf
from sfn_cqrs_tools.original.sources import SourceError
from sfn_cqrs_tools.original.taking import loader, shelf_of, take

KEY = ItemKey("acme", "AIRPORT", "p-1")
THREE = {
    Kind.COMMANDS: [command(1), command(2), command(3)],
    Kind.DATA: [state(3)],
    Kind.HISTORY: [history(1), history(2)],
}
Take = Callable[..., Report]


def no_client() -> Any:
    raise AssertionError("nothing is read from AWS")


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[MemoryWorld]:
    for name in ("COMMANDS_TABLE", "TASKS_TABLE"):
        monkeypatch.setenv(name, name)
    monkeypatch.setenv("APP_PACKAGE", "shop")
    made = MemoryWorld()
    tables = bootstrap.audit_tables(made.new_parts())
    with bootstrap.override(**made.parts(), audit_tables=tables):
        yield made


@pytest.fixture
def taken(tmp_path: Any, world: MemoryWorld) -> Take:  # noqa: ARG001 - it is written to
    """Return what takes rows over; each call has files of its own."""
    calls = iter(range(100))

    def run(
        rows: dict[Kind, list[Any]],
        *,
        types: dict[str, str] | None = None,
        **options: Any,
    ) -> Report:
        folder = tmp_path / f"run{next(calls)}"
        sources = {}
        for kind, found in rows.items():
            path = folder / kind / "data" / "part.json.gz"
            path.parent.mkdir(parents=True)
            lines = "".join(f"{json.dumps(exported(row))}\n" for row in found)
            path.write_bytes(gzip.compress(lines.encode()))
            (folder / kind / "manifest-files.json").write_text("no row")
            sources[kind] = [str(folder / kind)]
        report = Report()
        reading = Reading(types or {}, loader(tmp_path / "bucket", no_client))
        with shelf_of(sources, no_client, None) as shelf:
            take(shelf, reading, report, **options)
        return report

    return run


def reasons(report: Report) -> list[str]:
    return [problem.reason for problem in report.problems]


def publish_here(code: str, version: int, *, is_sync: bool = True) -> None:
    """Publish a version in the stack itself."""
    service = CommandService("acme")
    publish = service.publish_sync if is_sync else service.publish
    publish("AIRPORT", code, name="Mine", attributes={"country": "JP"}, version=version)


def damage() -> list[tuple[str, str]]:
    return [(one.key, one.rule) for one in Audit().run().findings]


def test_every_version_keeps_its_number_content_author_and_time(taken):
    report = taken(THREE)

    assert report.as_json() == {
        "types": {"AIRPORT": {"created": 1, "unchanged": 0, "kept": 0, "versions": 3}},
        "refused": 0,
        "left": 0,
        "problems": [],
    }
    second = bootstrap.commands().find(KEY, 2)
    assert (second.name, second.attributes) == ("Product 2", {"price": 3, "tags": ["a"]})
    assert second.created == By("2026-03-01T09:00:00.000Z", "ann", "192.0.2.1")
    assert second.updated == By("2026-03-02T09:00:00.000Z", "bob", "")
    assert second.request_id == "r-2"
    row = bootstrap.data().find(KEY)
    assert (row.version, row.name, row.source) == (3, "Product 3", "original")
    states = bootstrap.history().page(KEY, 10, None).items
    assert [(one.version, one.name) for one in states] == [(2, "Product 2"), (1, "Product 1")]
    assert damage() == []


def test_the_next_version_is_published_as_ever(taken):
    taken(THREE)

    CommandService("acme").publish_sync(
        "AIRPORT", "p-1", name="Mine", attributes={"country": "JP"}, version=3
    )

    assert bootstrap.data().find(KEY).name == "Mine"
    assert [one.version for one in bootstrap.history().page(KEY, 10, None).items] == [3, 2, 1]
    assert damage() == []


def test_a_second_run_changes_nothing_and_keeps_what_was_changed_here(taken, world):
    taken(THREE)
    before = world.dynamodb.items("CommandsTable")

    again = taken(THREE)
    assert again.as_json()["types"]["AIRPORT"]["unchanged"] == 1
    assert world.dynamodb.items("CommandsTable") == before

    CommandService("acme").publish_sync(
        "AIRPORT", "p-1", name="Mine", attributes={"country": "JP"}, version=3
    )
    later = taken(THREE)
    assert (later.as_json()["types"]["AIRPORT"]["kept"], later.refused) == (1, 0)
    assert bootstrap.data().find(KEY).name == "Mine"


def test_newer_tables_add_only_what_is_missing(taken):
    taken({**THREE, Kind.DATA: [state(2)], Kind.HISTORY: [history(1)]})

    report = taken(THREE)

    assert report.as_json()["types"]["AIRPORT"]["created"] == 1
    assert bootstrap.data().find(KEY).version == 3
    assert damage() == []


def test_a_run_that_was_interrupted_goes_on_where_it_stopped(taken, world, monkeypatch):
    """At every write: what is there is whole, and the next run brings the rest."""
    publish = bootstrap.commands().publish_many
    for stop in range(3):
        left = [stop]

        def dies(publications: Any, left: list[int] = left) -> Any:
            if not left[0]:
                raise KeyboardInterrupt
            left[0] -= 1
            return publish(publications)

        monkeypatch.setattr(bootstrap.commands(), "publish_many", dies)
        rows = {
            kind: [{**row, "sk": row["sk"].replace("p-1", f"p-{stop}")} for row in found]
            for kind, found in THREE.items()
        }
        with pytest.raises(KeyboardInterrupt):
            taken(rows)
        assert damage() == []

        monkeypatch.setattr(bootstrap.commands(), "publish_many", publish)
        taken(rows)
        key = ItemKey("acme", "AIRPORT", f"p-{stop}")
        assert bootstrap.data().find(key).version == 3
        assert damage() == []
    assert len(world.dynamodb.items("HistoryTable")) == 6


def test_versions_that_have_expired_there_leave_the_chain_whole_from_its_first_one(taken):
    """Version 2 is known by its state alone, 3 by its command alone, and 1 is behind a gap."""
    rows = {
        Kind.COMMANDS: [command(1), command(4), command(5)],
        Kind.HISTORY: [history(3), history(4)],
        Kind.DATA: [state(5)],
    }

    report = taken(rows)

    assert reasons(report) == ["1 versions below a gap at 2"]
    states = bootstrap.history().page(KEY, 10, None).items
    assert [one.version for one in states] == [4, 3]
    assert bootstrap.commands().find(KEY, 3).name == "Product 3"
    assert damage() == []


def test_large_attributes_come_from_the_bucket_and_go_to_ours(taken, tmp_path, world):
    note = "x" * 10_000
    (tmp_path / "bucket/ddb").mkdir(parents=True)
    (tmp_path / "bucket/ddb/1.json").write_text(json.dumps({"note": note, "rate": 0.1}))
    (tmp_path / "secret").write_text("{}")

    report = taken(
        {
            Kind.DATA: [
                state(1, attributes="s3://theirs/ddb/1.json"),
                state(1, sk="gone", attributes="s3://theirs/ddb/2.json"),
                state(1, sk="out", attributes="s3://theirs/../secret"),
            ]
        }
    )

    assert bootstrap.data().find(KEY).attributes == {"note": note, "rate": 0.1}
    assert len(world.object_keys()) == 1
    assert [each.partition(" cannot be read: ")[0] for each in reasons(report)] == [
        "s3://theirs/ddb/2.json",
        "s3://theirs/../secret",
    ]
    assert damage() == []


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        ({Kind.DATA: [state(1, tenantCode="other")]}, "tenantCode is 'other', and pk is of"),
        ({Kind.DATA: [state(1, pk="airport#acme")]}, "type: must be 1 to 64 capital letters"),
        ({Kind.DATA: [state(1, version=None)]}, "its data row has no version"),
        ({Kind.DATA: [state(1, ttl=5)]}, "its data row has expired"),
        ({Kind.DATA: [state(1, attributes=[1])]}, "attributes: must be an object"),
        ({Kind.DATA: [state(1, name=7)]}, "name: must be a string"),
        ({Kind.DATA: [state(1, createdAt="then")]}, "'then' is not a time"),
        ({Kind.DATA: [state(1, sk="x" * 300)]}, "code: must be at most 256 bytes"),
        ({Kind.COMMANDS: [command(1)]}, "it was never applied"),
        ({Kind.TASKS: [task(pk="QUEUE#acme")]}, "pk begins with 'QUEUE'"),
        ({Kind.TASKS: [task(sk="resize#1")]}, "type: 'resize' is not allowed here"),
        ({Kind.TASKS: [task(sk="RESIZE#1")]}, "sk ends with '1'"),
        ({Kind.TASKS: [task()]}, "not all of its items are there"),
        ({Kind.TASKS: [task(), task("QUEUED", index=0)]}, "its item 0 is still QUEUED"),
        ({Kind.TASKS: [task(index=0)]}, "the row of the task itself is missing"),
    ],
)
def test_what_cannot_be_taken_is_refused_with_the_reason(rows, reason, taken, world):
    report = taken(rows)

    assert [each[: len(reason)] for each in reasons(report)] == [reason]
    assert (report.refused, report.left) == (1, 0)
    assert world.dynamodb.items("DataTable") == world.dynamodb.items("TasksTable") == []


def test_versions_that_were_never_applied_are_named_and_stay_there(taken):
    waits = command(4, status="wait_prev_command:STARTED")

    report = taken({**THREE, Kind.COMMANDS: [*THREE[Kind.COMMANDS], waits]})

    assert reasons(report) == [
        "version 4 was never applied; its status is wait_prev_command:STARTED"
    ]
    assert (report.refused, report.left) == (0, 1)
    assert bootstrap.commands().latest(KEY).version == 3


def test_an_item_of_the_stack_is_not_touched(taken):
    CommandService("acme").publish_sync(
        "AIRPORT", "p-1", name="Mine", attributes={"country": "JP"}, version=0
    )
    CommandService("acme").publish(
        "AIRPORT", "p-2", name="Open", attributes={"country": "JP"}, version=0
    )

    report = taken(
        {
            kind: rows + [{**row, "sk": row["sk"].replace("p-1", "p-2")} for row in rows]
            for kind, rows in THREE.items()
        }
    )

    assert reasons(report) == [
        "the stack has an item of this name, at version 1",
        "the stack has a version 1 of its own",
    ]
    assert bootstrap.data().find(KEY).name == "Mine"
    assert bootstrap.data().find(ItemKey("acme", "AIRPORT", "p-2")) is None


def test_a_dry_run_counts_the_same_and_writes_nothing(taken, world):
    large = {"note": "x" * 10_000}
    rows = {**THREE, Kind.COMMANDS: [command(1), command(2), command(3), command(4)]}
    rows[Kind.DATA] = [state(3, attributes=large)]
    rows[Kind.TASKS] = [task(), task(index=0)]

    trial = taken(rows, is_dry=True)

    assert all(not world.dynamodb.items(table) for table in ("DataTable", "TasksTable"))
    assert world.object_keys() == []
    assert trial.as_json() == taken(rows).as_json()


def test_types_are_renamed_and_a_tenant_is_chosen(taken):
    report = taken(
        {Kind.DATA: [state(1, pk="airport#acme"), state(1, pk="airport#other")]},
        types={"airport": "AIRPORT"},
        tenant="acme",
    )

    assert (report.refused, report.as_json()["types"]["AIRPORT"]["created"]) == (0, 1)
    assert bootstrap.data().find(ItemKey("other", "AIRPORT", "p-1")) is None
    assert bootstrap.data().find(KEY).version == 1


def test_codes_may_have_what_separates_versions(taken):
    taken(
        {
            Kind.DATA: [state(2, sk="ann@example.com#7")],
            Kind.HISTORY: [history(1, sk="ann@example.com#7")],
        }
    )

    row = bootstrap.data().find(ItemKey("acme", "AIRPORT", "ann@example.com#7"))
    assert row.version == 2
    assert damage() == []


@pytest.mark.usefixtures("world")
def test_busy_tables_are_tried_again(taken, monkeypatch):
    slept: list[float] = []
    monkeypatch.setattr("time.sleep", slept.append)
    publish, failures = bootstrap.commands().publish_many, iter([True, True, False])

    def busy(publications: Any) -> Any:
        if next(failures):
            raise BusyError("busy")
        return publish(publications)

    monkeypatch.setattr(bootstrap.commands(), "publish_many", busy)

    report = taken({Kind.DATA: [state(1)]})

    assert report.as_json()["types"]["AIRPORT"]["created"] == 1
    assert slept == [0.1, 0.2]


def test_earlier_versions_expire_where_the_stack_says_so(taken, world):
    bootstrap.commands()._retention = Retention(30)
    taken(THREE)

    ttls = [item.get("ttl") for item in world.dynamodb.items("CommandsTable")]
    assert [ttl is not None for ttl in ttls] == [True, True, False]


def test_a_task_that_has_ended_is_taken_with_its_items_and_may_be_retried(taken):
    failed = task(
        "FAILED",
        index=1,
        attributes={"error": "Error: no file\n    at resize.ts:3", "result": None},
    )
    rows = [task(), task(index=0, attributes={"result": {"ok": True}}), failed]

    report = taken({Kind.TASKS: rows})

    key = TaskKey("acme", "RESIZE", ULID, TaskKind.BATCH)
    found = TaskService("acme").get(key.id).task
    assert report.as_json()["types"]["RESIZE"]["created"] == 1
    assert (found.status, found.total, found.counts.failed) == (TaskStatus.FAILED, 2, 1)
    assert (found.created.by, found.opened_at) == ("ann", "2026-03-01T09:00:00.000Z")
    items = bootstrap.tasks().items(key)
    assert [(one.result, one.error) for one in items] == [
        ({"ok": True}, None),
        (None, "Error: no file"),
    ]
    assert items[1].cause == "    at resize.ts:3"

    retried = TaskService("acme").retry(key.id)
    assert (retried.status, retried.attempt, retried.pending) == (TaskStatus.CREATED, 1, (1,))
    assert taken({Kind.TASKS: rows}).as_json()["types"]["RESIZE"]["unchanged"] == 1


def test_a_task_that_is_open_stays_there(taken):
    report = taken({Kind.TASKS: [task("PROCESSING")]})

    assert reasons(report) == ["it is still PROCESSING"]
    assert (report.refused, report.left) == (0, 1)


def test_a_shelf_does_not_read_a_source_twice(tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_text(json.dumps(state(1)) + "\n\n" + json.dumps(state(1, sk="p-2")) + "\n")
    shelf = Shelf(tmp_path / "work")
    shelf.read(Kind.DATA, str(path), no_client)
    shelf.close()
    path.unlink()

    again = Shelf(tmp_path / "work")
    again.read(Kind.DATA, str(path), no_client)

    assert list(again.keys("items")) == [("AIRPORT#acme", "p-1"), ("AIRPORT#acme", "p-2")]
    assert again.row(Kind.DATA, "AIRPORT#acme", "p-1", 1)["attributes"] == {
        "price": 1.5,
        "tags": ["a"],
    }
    again.close()


@pytest.mark.usefixtures("world")
def test_rows_are_sorted_on_disk_and_few_are_in_memory(tmp_path):
    path = tmp_path / "rows.jsonl"
    large = {"note": "x" * 10_000}
    rows = (json.dumps(state(1, sk=f"p-{number}", attributes=large)) for number in range(400))
    path.write_text("".join(f"{row}\n" for row in rows))
    reading, report = Reading({}, loader(None, no_client)), Report()

    tracemalloc.start()
    try:
        with shelf_of({Kind.DATA: [str(path)]}, no_client, None) as shelf:
            take(shelf, reading, report, is_dry=True)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert report.as_json()["types"]["AIRPORT"]["created"] == 400
    assert peak < path.stat().st_size / 2


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ('{"Items": [', "line 1, is not JSON; a file has one item a line"),
        ('{"Keys": {}, "NewImage": {}}', "line 1, is of an incremental export"),
        ('{"sk": "x"}', "line 1, is not an item with pk and sk"),
    ],
)
def test_a_file_of_something_else_is_refused_by_its_line(line, reason, tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_text(line + "\n")

    with (
        pytest.raises(SourceError, match=reason),
        shelf_of({Kind.DATA: [str(path)]}, no_client, None),
    ):
        pass


def test_a_folder_without_rows_is_refused(tmp_path):
    with (
        pytest.raises(SourceError, match="has no files that end with"),
        shelf_of({Kind.DATA: [str(tmp_path)]}, no_client, None),
    ):
        pass


def test_a_table_is_scanned(world):
    typed = exported(state(1, attributes={"n": 0.1, "tags": {"b", "a"}, "raw": b"\x00"}))["Item"]
    world.dynamodb.put_item(TableName="DataTable", Item=typed)

    with shelf_of({Kind.DATA: ["dynamodb:DataTable"]}, lambda: world.dynamodb, None) as shelf:
        row = shelf.row(Kind.DATA, "AIRPORT#acme", "p-1", 1)

    assert row["attributes"]["tags"] == ["a", "b"]
    assert (str(row["attributes"]["n"]), row["attributes"]["raw"]) == ("0.1", "AA==")
