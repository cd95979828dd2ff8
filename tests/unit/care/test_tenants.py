"""A tenant is exported from one stack and imported into another, exactly."""

import json
import tracemalloc
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import groupby
from typing import Annotated

import pytest
from tests.support.orders import a_saga, an_approval
from tests.support.typed import declaring
from tests.unit.import_csv.conftest import run_machine

from sfn_cqrs import bootstrap
from sfn_cqrs.care.audit.service import Audit
from sfn_cqrs.care.erasure.service import ErasureService, work
from sfn_cqrs.care.tenants.service import EVERY_TABLE, exported, import_lines, remove, tenants
from sfn_cqrs.care.usage.rules import Part
from sfn_cqrs.kernel.caller import Caller
from sfn_cqrs.kernel.command import Audit as By
from sfn_cqrs.kernel.errors import BusyError, InvalidInputError
from sfn_cqrs.kernel.keys import (
    ApprovalKey,
    ErasureKey,
    ImportKey,
    ItemKey,
    MappingKey,
    SagaKey,
    TaskKey,
    ZipKey,
    tenant_of,
)
from sfn_cqrs.kernel.models.models import Personal
from sfn_cqrs.kernel.policy import MEMBERS
from sfn_cqrs.kernel.read_models.rules import View, ViewKey
from sfn_cqrs.kernel.tables.dynamodb import marshal, unmarshal
from sfn_cqrs.machines.approval.rules import Stage
from sfn_cqrs.machines.command.chain import Close
from sfn_cqrs.machines.command.handlers import command_type
from sfn_cqrs.machines.command.process import Outcome
from sfn_cqrs.machines.command.service import CommandService
from sfn_cqrs.machines.import_csv.job import JobStatus
from sfn_cqrs.machines.import_csv.service import Request
from sfn_cqrs.machines.saga.rules import SagaStatus
from sfn_cqrs.machines.task.rules import TaskStatus
from sfn_cqrs.machines.zip_orchestrator.imports import ImportService
from sfn_cqrs_tools.testing.builders import a_job, a_task, a_zip
from sfn_cqrs_tools.testing.fakes import World
from sfn_cqrs_tools.testing.fakes.stored import TABLES

LARGE = "x" * 5_000
ULID = "01JDHZ0000000000000000000A"
BY = By("2026-11-25T08:00:00.000Z", "op1")
MIB = 1024 * 1024


@dataclass(frozen=True)
class Note:
    who: str
    text: Annotated[str, Personal] = ""
    n: float = 0


@pytest.fixture(autouse=True)
def _notes():
    with declaring():
        command_type("NOTE", publish=MEMBERS, model=Note, subject="who")
        yield


def a_stack():
    """Put the parts of another stack in place."""
    world = World()
    return world, bootstrap.override(**world.parts(), audit_tables=world.erased_tables)


def publish(code, text, *, tenant="acme", is_sync=True, **more):
    service = CommandService(tenant)
    publish = service.publish_sync if is_sync else service.publish
    attributes = {"who": f"person-{code}", "text": text, "n": 0.1}
    publish("NOTE", code, name=code, attributes=attributes, version=-1, **more)


def fill(world):
    """Items of every kind: small, large, deleted, failed, open; and somebody else's."""
    publish("small", "1")
    publish("small", "2")
    publish("large", LARGE)
    publish("large", f"{LARGE} 2")
    publish("gone", "1")
    publish("gone", "1", is_deleted=True)
    for code in ("failed", "open"):
        publish(code, "1")
        publish(code, "2", is_sync=False)
    failed = ItemKey("acme", "NOTE", "failed")
    attempt = world.processes.find(failed, 2).attempt
    close = Close(2, attempt, Outcome.FAILED, "sync:FAILED", "ValueError", "no")
    world.processes.write(failed, close)
    publish("theirs", "1", tenant="other")


@pytest.mark.parametrize("is_open", [False, True], ids=["at rest", "alone"])
def test_an_export_has_the_item_and_not_what_is_planned(is_open):
    _, of_here = a_stack()
    with of_here:
        publish("a", "1", is_sync=not is_open)
        before = list(exported("acme"))

        at, attributes = bootstrap.now() + timedelta(1), {"who": "bob"}
        CommandService("acme").publish_at("NOTE", "a", at=at, name="a", attributes=attributes)

        assert before
        assert list(exported("acme")) == before


def sent(lines):
    """Lines as a file has them."""
    return [json.loads(json.dumps(line)) for line in lines]


@pytest.fixture
def filled():
    """Another stack that is filled, and the lines of its export."""
    here, of_here = a_stack()
    with of_here:
        fill(here)
        lines = sent(exported("acme"))
    return here, lines


def state(world, tenant):
    """What is stored, without what differs from stack to stack."""
    with bootstrap.override(**world.parts()):
        commands = [one for one in world.stored_commands() if one.key.tenant == tenant]
        rows = [one for one in world.stored_rows() if one.key.tenant == tenant]
        states = [one for row in rows for one in world.history.page(row.key, 100, None).items]
        found = [*commands, *rows, *states]
        return sorted(
            (
                type(one).__name__,
                one.key.code,
                one.version,
                one.name,
                str(one.attributes),
                one.created,
                one.updated,
                getattr(one, "digest", ""),
                one.is_deleted,
            )
            for one in found
        )


def test_an_export_imported_elsewhere_is_the_same_and_an_audit_finds_nothing(filled):
    here, lines = filled
    there, of_there = a_stack()
    with of_there:
        publish("own", "1", tenant="else")

        new = import_lines("acme", lines)
        again = import_lines("acme", lines)

        assert new == {"command": 10, "state": 3, "row": 5, "process": 10}
        assert sum(again.values()) == 0
        assert Audit("acme").run().findings == []
        assert tenants() == {"acme": {"NOTE": 5}, "else": {"NOTE": 1}}
    assert state(there, "acme") == state(here, "acme")


def test_what_was_open_is_started_and_what_had_failed_stays_failed(filled):
    _, lines = filled
    there, of_there = a_stack()
    with of_there:
        import_lines("acme", lines)

        opened = there.processes.find(ItemKey("acme", "NOTE", "open"), 2)
        failed = there.processes.find(ItemKey("acme", "NOTE", "failed"), 2)

        assert (opened.outcome, opened.status, opened.attempt) == (Outcome.OPEN, "start", 2)
        assert (failed.outcome, failed.error, failed.cause) == (Outcome.FAILED, "ValueError", "no")
        assert {each.version for each in there.processes.opened(0, None, "9", 9)[0]} <= {2}


def test_a_tenant_may_have_another_name_there(filled):
    _, lines = filled
    _, of_there = a_stack()
    with of_there:
        import_lines("new-name", lines)

        assert tenants() == {"new-name": {"NOTE": 5}}
        assert Audit().run().findings == []


def test_a_person_who_was_erased_stays_erased_there():
    _, of_here = a_stack()
    with of_here:
        publish("small", "secret")
        by = By("2026-11-25T08:00:00.000Z", "op1")
        work(ErasureService("acme").ask("person-small", "asked for", by), lambda: False)
        lines = sent(exported("acme"))
    there, of_there = a_stack()
    with of_there:
        import_lines("acme", lines)
        publish("other", "secret")
        publish("small", "secret")

        assert there.erasures.among([ErasureKey.of("acme", "person-small")])
        assert there.data.find(ItemKey("acme", "NOTE", "small")).attributes["text"] == ""
        with pytest.raises(InvalidInputError, match="it keeps its name"):
            import_lines("new-name", lines)


@pytest.mark.parametrize("line", [{}, {"kind": "else", "item": {}}, {"kind": "row"}])
def test_a_line_of_something_else_is_refused_by_its_number(line, world):  # noqa: ARG001
    with pytest.raises(InvalidInputError, match="line 1: is not of an export"):
        import_lines("acme", [line])


class Endless:
    """Tables of very many items, none of which is kept."""

    rate = 0.0

    def __init__(self, row, count):
        self._row, self._count = row, count

    def partitions(self, table, _segment, _segments, _prefix=""):
        for number in range(self._count if table == "commands" else 0):
            yield [{**self._row, "kind": "command", "code": f"c-{number}", "id": "x"}]

    def partition(self, table, _pk):
        return [{**self._row, "kind": "command", "id": "x"}] if table == "commands" else []

    def rows(self, keys):
        return dict.fromkeys(keys, self._row)

    def many(self, table, places):
        return self.rows(places) if table == "data" else {}


ROW = {
    "tenant": "acme",
    "type": "NOTE",
    "code": "c",
    "version": 1,
    "name": "c",
    "attributes": {"text": "x" * 500},
}


@pytest.mark.parametrize("items", [2_000, pytest.param(100_000, marks=pytest.mark.proof)])
def test_however_many_items_are_exported_in_the_memory_of_a_few(world, items):
    with bootstrap.override(**world.parts(), audit_tables=Endless(ROW, 1)):
        list(exported("acme"))
    with bootstrap.override(**world.parts(), audit_tables=Endless(ROW, items)):
        tracemalloc.start()
        count = sum(1 for _ in exported("acme"))
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()

    assert count == 2 * items
    assert most < MIB


def test_an_item_that_changes_while_it_is_read_is_read_again(world):
    class Moving(Endless):
        version = ROW["version"]

        def rows(self, keys):
            self.version += 1
            return {key: {**self._row, "version": self.version} for key in keys}

    with (
        bootstrap.override(**world.parts(), audit_tables=Moving(ROW, 1)),
        pytest.raises(BusyError, match="NOTE/c-0 changes each time"),
    ):
        list(exported("acme"))


class Watched:
    """Another stack's tables, which tell of each read before they answer it."""

    def __init__(self, tables, told):
        self._tables, self._told = tables, told

    def __getattr__(self, name):
        read = getattr(self._tables, name)
        if not callable(read):
            return read

        def answered(*given):
            self._told(name, *given)
            return read(*given)

        return answered


@pytest.fixture
def watched():
    """The lines of an export of what was published, with a function that is told of reads."""
    here, of_here = a_stack()

    def lines(told):
        with bootstrap.override(audit_tables=Watched(here.erased_tables, told)):
            return sent(exported("acme"))

    with of_here:
        yield lines


def parts(lines):
    return [(line["kind"], line["item"]["version"]) for line in lines]


def test_items_at_rest_are_read_together_and_their_lines_are_in_order(watched):
    for code in ("a", "b", "c"):
        publish(code, "1")
        publish(code, "2")
    publish("new", "1")
    read = []

    lines = watched(lambda name, table, *_: read.append((name, table)))

    assert [one for one in read if one[1] in ("commands", "history", "data")] == [
        ("partitions", "commands"),
        ("many", "history"),
        ("many", "data"),
    ]
    of_two = [("command", 1), ("command", 2), ("state", 1), ("row", 2)]
    of_two += [("process", 1), ("process", 2)]
    of_one = [("command", 1), ("row", 1), ("process", 1)]
    by_item = {code: list(of) for code, of in groupby(lines, lambda line: line["item"]["code"])}
    assert {code: parts(of) for code, of in by_item.items()} == {
        **dict.fromkeys("abc", of_two),
        "new": of_one,
    }
    assert sum(map(len, by_item.values())) == len(lines)


@pytest.mark.parametrize("versions", [1, 2, 3, 4])
def test_all_earlier_states_of_an_item_are_exported_and_none_that_comes_later(watched, versions):
    for version in range(versions):
        publish("long", str(version))

    def one_more(name, table, *_):
        if (name, table) == ("many", "history"):  # its version is under way: only history has it
            key = ItemKey("acme", "NOTE", "long")
            (stored,) = bootstrap.erased_tables().rows([(key.data_pk, key.sk)]).values()
            bootstrap.history().append(marshal(stored))

    lines = watched(one_more)

    assert [one for one in parts(lines) if one[0] in ("state", "row")] == [
        *(("state", version) for version in range(1, versions)),
        ("row", versions),
    ]


def test_an_item_that_changes_after_the_scan_is_exported_as_it_is_then(watched):
    publish("small", "1")
    publish("small", "2")
    publish("still", "1")
    at = []

    def change(name, table, *_):
        if (name, table) == ("many", "data") and not at:
            at.append(name)
            publish("small", "3")

    lines = [line for line in watched(change) if line["item"]["code"] == "small"]

    assert parts(lines) == [
        *(("command", version) for version in (1, 2, 3)),
        *(("state", version) for version in (1, 2)),
        ("row", 3),
        *(("process", version) for version in (1, 2, 3)),
    ]


def test_a_version_that_is_applied_after_the_scan_is_exported_as_applied(watched):
    publish("open", "1")
    publish("open", "2", is_sync=False)
    key, at = ItemKey("acme", "NOTE", "open"), []

    def apply(name, table, *_):
        if (name, table) == ("many", "data") and not at:
            at.append(name)
            attempt = bootstrap.processes().find(key, 2).attempt
            row = bootstrap.data().find(key)
            bootstrap.data().put(replace(row, version=2), 1)
            close = Close(2, attempt, Outcome.APPLIED, "finish:FINISHED")
            bootstrap.processes().write(key, close)

    lines = watched(apply)

    assert [line["item"]["outcome"] for line in lines if line["kind"] == "process"] == [
        Outcome.APPLIED,
        Outcome.APPLIED,
    ]
    assert ("row", 2) in parts(lines)


@pytest.mark.parametrize("table", ["history", "data"])
def test_an_item_that_is_erased_after_the_scan_has_no_line_of_before(watched, table):
    publish("small", "secret 1")
    publish("small", "secret 2")
    key, at = ItemKey("acme", "NOTE", "small"), []

    def erase(name, of, *_):
        if (name, of) == ("many", table) and not at:
            at.append(name)
            tables = bootstrap.erased_tables()
            stored = [("commands", one) for one in tables.partition("commands", key.pk)]
            stored += [("history", one) for one in tables.partition("history", key.pk)]
            stored += [("data", one) for one in tables.rows([(key.data_pk, key.sk)]).values()]
            for place, item in stored:
                if item.get("kind") != "process":
                    tables.change(place, item, attributes={}, erased="e-1")

    lines = watched(erase)

    assert len(lines) == 6
    assert "secret" not in json.dumps(lines)


WORK = ("TasksTable", "SagasTable", "ApprovalsTable", "ImportTmpTable")
OTHER_ULID = "01JDHZ0000000000000000000B"


def work_of(world):
    """An import with its plan, markers and counters; ended work of each kind; and open work."""
    key = ImportService("tenant1").upload_key("airports.csv")
    world.import_bucket.put(key, b"icao,name,country,lat,lon,tz\nZZZA,A,JP,35.7,140.3,Asia/Tokyo\n")
    progress = ImportService("tenant1").start(Request(table="airports", key=key))
    run_machine(progress.job.key.id, world)
    task = a_task(TaskKey("tenant1", "RESIZE", ULID), items=2, status=TaskStatus.COMPLETED)
    world.tasks.create(task)
    world.tasks.put_items(task)
    world.sagas.create(a_saga(SagaKey("tenant1", ULID), status=SagaStatus.COMPLETED))
    world.approvals.create(an_approval(ApprovalKey("tenant1", ULID), stage=Stage.DONE))
    world.zip_jobs.create(a_zip(ZipKey("tenant1", ULID), status=JobStatus.COMPLETED, settled=True))
    world.imports.keep_mapping(MappingKey("tenant1", "notes"), {"a": "b"})
    world.tasks.create(a_task(TaskKey("tenant1", "RESIZE", OTHER_ULID)))
    world.sagas.create(a_saga(SagaKey("tenant1", OTHER_ULID)))
    world.sagas.create(a_saga(SagaKey("other", ULID), status=SagaStatus.COMPLETED))


def ended_work(world):
    """What is stored of the tenant's ended work."""
    items = [unmarshal(item) for table in WORK for item in world._items(table)]
    ours = [item for item in items if tenant_of(item["pk"]) == "tenant1"]
    return [
        {name: value for name, value in item.items() if name not in ("task_token", "trace")}
        for item in ours
        if OTHER_ULID not in f"{item['pk']} {item['sk']}"
    ]


def test_work_that_has_ended_is_there_with_its_parts_and_open_work_is_counted():
    here, of_here = a_stack()
    with of_here:
        work_of(here)
        lines = sent(exported("tenant1"))
        odd = Audit("tenant1").run().findings  # some is put here without all that belongs to it
    there, of_there = a_stack()
    kept = [line for line in lines if line["kind"] != "open"]
    with of_there:
        new, again = import_lines("tenant1", kept), import_lines("tenant1", kept)

        assert len(lines) - len(kept) == 2
        assert sum(again.values()) == 0
        counts = {kind: new[kind] for kind in ("task", "saga", "approval", "job", "zip", "mapping")}
        assert set(counts.values()) == {1}
        assert there.tasks.locate("tenant1", TaskKey("tenant1", "RESIZE", ULID).kind, ULID)
        assert Audit("tenant1").run().findings == [
            each for each in odd if OTHER_ULID not in each.key
        ]
    assert ended_work(there) == ended_work(here)
    assert len(ended_work(there)) > 10


def test_work_of_a_tenant_that_has_another_name_is_left_out():
    here, of_here = a_stack()
    with of_here:
        work_of(here)
        lines = [line for line in sent(exported("tenant1")) if line["kind"] != "open"]
    there, of_there = a_stack()
    with of_there:
        new = import_lines("new-name", lines)

    assert new["leftOut"] == len(ended_work(here))
    assert [item for table in WORK for item in there._items(table)] == []


def test_a_line_of_work_for_another_table_is_refused(world):  # noqa: ARG001
    line = {"kind": "part", "table": "commands", "item": {"pk": "X#acme", "sk": "x"}}
    with pytest.raises(InvalidInputError, match="line 1: is not of an export"):
        import_lines("acme", [line])


def everything_of(world):
    """All items by their tables and keys, and all objects."""
    items = {
        (table, item["pk"]["S"], item["sk"]["S"]): item
        for table in TABLES
        for item in world._items(table)
    }
    return items, dict(world.objects.versions), dict(world.import_bucket.objects)


def fill_all(world, tenant):
    """Something of a tenant in every table and folder."""
    publish("small", LARGE, tenant=tenant)
    publish("small", "2", tenant=tenant)
    key = {"caller": Caller(idempotency_key="k")}
    CommandService(tenant).publish("NOTE", "k", name="k", attributes={"who": "x"}, **key)
    bootstrap.read_model("notes").put_if_newer(tenant, "all", "x", {"version": 1})
    world.views.create(View(key=ViewKey(tenant, "notes"), types=("NOTE",), created=BY, since=BY.at))
    world.tasks.create(a_task(TaskKey(tenant, "RESIZE", ULID)))
    world.sagas.create(a_saga(SagaKey(tenant, ULID)))
    world.approvals.create(an_approval(ApprovalKey(tenant, ULID)))
    world.import_jobs.create(a_job(ImportKey(tenant, ULID)))
    world.zip_jobs.create(a_zip(ZipKey(tenant, ULID)))
    world.imports.keep_mapping(MappingKey(tenant, "notes"), {"a": "b"})
    world.imports.plan(ImportKey(tenant, ULID), 2, {})
    world.usage.put(tenant, Part(0, BY.at, {}))
    ErasureService(tenant).ask("person-1", "asked for", BY)
    world.attributes.store(tenant, "t-1", {}, folder="tasks")
    world.attributes.store(tenant, "e-1", {}, folder="erasures")
    world.import_bucket.put(f"uploads/{tenant}/a.csv", b"x")


@pytest.mark.parametrize("other", ["acme2", "generations", "NOTE", "notes", "other"])
def test_a_tenant_is_removed_wholly_and_nobody_else_is_touched(world, other):
    fill_all(world, other)
    before = everything_of(world)
    fill_all(world, "acme")
    stored = everything_of(world)

    counted = remove("acme", writes=False)
    assert everything_of(world) == stored
    deleted = remove("acme", writes=True)

    assert everything_of(world) == before
    assert deleted == counted
    assert set(counted) == {*EVERY_TABLE, "objects", "files"}
    assert sum(remove("acme", writes=True).values()) == 0


@pytest.mark.parametrize(
    ("pk", "tenant"), [("QUEUE", ""), ("SWEEP", ""), ("#generations#acme", "acme")]
)
def test_a_partition_says_whose_it_is(pk, tenant):
    assert tenant_of(pk) == tenant


# ---------------------------------------------------------------------------- forged lines


def line_of(lines, kind, code="small", version=1):
    for line in lines:
        item = line["item"]
        if (line["kind"], item.get("code"), item.get("version")) == (kind, code, version):
            return line
    raise AssertionError(f"there is no {kind} of {code}")


OF_A_STACK = {
    "attributes_s3": "commands/victim/01JDHZ0000000000000000000A.json",
    "open_shard": 3,
    "pk": "TENANT#victim#NOTE#small",
    "tenant": "victim",
    "task_token": "token",
    "trace": "1-2-3",
    "sth_new": 1,
}


@pytest.mark.parametrize("kind", ["command", "process", "state", "row"])
@pytest.mark.parametrize("name", OF_A_STACK)
def test_a_field_that_no_export_has_is_refused(filled, kind, name):
    _, lines = filled
    forged = line_of(lines, kind, version=2 if kind == "row" else 1)
    forged["item"][name] = OF_A_STACK[name]
    there, of_there = a_stack()

    with of_there, pytest.raises(InvalidInputError, match=f"is not of an export: it has {name}"):
        import_lines("acme", [forged])

    assert everything_of(there) == ({}, {}, {})


@pytest.mark.parametrize(
    ("kind", "change"),
    [
        ("command", {"attributes": {"who": "person-small", "text": "forged", "n": 0.1}}),
        ("command", {"name": "forged"}),
        ("command", {"is_deleted": True}),
        ("command", {"digest": "0" * 32}),
        ("command", {"digest": None}),
        ("command", {"updated_at": None}),
        ("row", {"name": None}),
        ("state", {"attributes": 5}),
        ("process", {"outcome": "WON"}),
        ("process", {"status": None}),
    ],
)
def test_a_record_that_cannot_be_read_or_is_not_its_digests_is_refused(filled, kind, change):
    _, lines = filled
    forged = line_of(lines, kind, version=2 if kind == "row" else 1)
    item = {**forged["item"], **change}
    forged["item"] = {name: value for name, value in item.items() if value is not None}
    there, of_there = a_stack()

    with of_there, pytest.raises(InvalidInputError, match="line 1: is not of an export"):
        import_lines("acme", [forged])

    assert everything_of(there) == ({}, {}, {})


JOB_OF = {
    "another tenant": {"tenant": "victim"},
    "another's file": {
        "source": {"bucket": "b", "key": "uploads/victim/1/a.csv", "version_id": ""}
    },
    "another's rows": {"loaded": {"source": {"key": "jobs/victim/1/rows"}}},
    "a shard": {"open_shard": 1},
    "a token": {"task_token": "x"},
    "no moment": {"updated_at": None},
    "open": {"status": "PROCESSING"},
    "another key": {"sk": "x"},
    "no kind of record": {"status": "LOST"},
}


@pytest.mark.parametrize("what", JOB_OF)
@pytest.mark.parametrize("kind", ["job", "task", "saga", "approval", "zip"])
def test_work_that_no_export_has_is_refused(kind, what):
    here, of_here = a_stack()
    with of_here:
        work_of(here)
        lines = sent(exported("tenant1"))
    (line,) = [line for line in lines if line["kind"] == kind]
    states = {"approval": "stage"}
    change = {
        states.get(kind, name) if name == "status" else name: value
        for name, value in JOB_OF[what].items()
    }
    open_status = {"saga": "RUNNING", "approval": "PENDING", "task": "PROCESSING"}
    if what == "open" and kind == "zip":
        change["settled"] = None
    elif what == "open":
        change = dict.fromkeys(change, open_status.get(kind, "PROCESSING"))
    item = {**line["item"], **change}
    line["item"] = {name: value for name, value in item.items() if value is not None}
    there, of_there = a_stack()

    with of_there, pytest.raises(InvalidInputError, match="line 1: is not of an export"):
        import_lines("tenant1", [line])

    assert everything_of(there) == ({}, {}, {})


@pytest.mark.parametrize("kind", ["job", "mapping", "budget", "part"])
def test_a_record_is_not_a_part_of_another(kind, world):
    item = {"pk": "JOB#acme#1", "sk": "x", "kind": kind, "updated_at": "2026-11-25T08:00:00.000Z"}
    with pytest.raises(InvalidInputError, match="line 1: is not of an export"):
        import_lines("acme", [{"kind": "part", "table": "imports", "item": item}])

    assert world._items("ImportTmpTable") == []


@pytest.mark.parametrize("mapping", [{"email": 5}, ["email"], {}, None])
def test_a_mapping_is_texts_by_texts(mapping, world):
    item = {"pk": "IMPORT_MAPPING#acme", "sk": "notes", "kind": "mapping", "mapping": mapping}
    line = {"kind": "mapping", "table": "imports", "item": item}
    if mapping == {}:
        item["by"] = "ceo"

    with pytest.raises(InvalidInputError, match="line 1: is not of an export"):
        import_lines("acme", [line])

    assert world._items("ImportTmpTable") == []


@pytest.mark.parametrize("kind", ["job", "zip", "task", "saga", "approval"])
def test_an_audit_reports_a_record_that_it_cannot_read_and_goes_on(kind, world):
    work_of(world)
    publish("small", "1", tenant="tenant1")
    with bootstrap.override(audit_tables=world.erased_tables):
        (line,) = [line for line in exported("tenant1") if line["kind"] == kind]
        whole = Audit("tenant1").run()
        item = {name: value for name, value in line["item"].items() if name != "updated_at"}
        table = {"job": "imports", "zip": "imports"}.get(kind, f"{kind}s")
        world.erased_tables.create(table, {**item, "sk": "0"})

        report = Audit("tenant1").run()

    (odd,) = [one for one in report.findings if one.rule == "unreadable"]
    assert (odd.key, odd.evidence) == (f"{item['pk']} 0", "KeyError: 'updated_at'")
    assert [one for one in report.findings if one is not odd] == whole.findings
    assert (report.items, report.is_complete) == (whole.items, True)
