"""An audit of real tables: each kind of damage is found, and nothing else is."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import pytest
from moto import mock_aws
from tests.contract.worlds import BUCKET, IMPORTS, Clients, MotoWorld
from tests.support.orders import a_saga, an_approval
from tests.support.typed import declaring

from sfn_cqrs import bootstrap
from sfn_cqrs.care.audit.rules import IMPORT_RULES, ITEM_RULES, RESERVATION_RULES, Rule
from sfn_cqrs.care.audit.service import Audit, Sample, count_all
from sfn_cqrs.care.audit.tables import AuditTables
from sfn_cqrs.care.audit.work_rules import APPROVAL_RULES, ARCHIVE_RULES, SAGA_RULES, TASK_RULES
from sfn_cqrs.care.tenants.export import states
from sfn_cqrs.care.usage.service import Meter, usage_of
from sfn_cqrs.kernel.command import Audit as By
from sfn_cqrs.kernel.errors import InvalidInputError
from sfn_cqrs.kernel.keys import (
    ApprovalKey,
    ImportKey,
    ItemKey,
    SagaKey,
    TaskKey,
    UniqueKey,
    ZipKey,
)
from sfn_cqrs.kernel.models.models import ERASED
from sfn_cqrs.kernel.tables.dynamodb import marshal, unmarshal
from sfn_cqrs.machines.approval.rules import Happened, Stage, Status, Verdict, Vote
from sfn_cqrs.machines.command.handlers import command_type
from sfn_cqrs.machines.command.service import CommandService
from sfn_cqrs.machines.import_csv.bucket import report_key
from sfn_cqrs.machines.import_csv.job import NO_SOURCE, Ending, Job, JobStatus, Loaded, Reader
from sfn_cqrs.machines.import_csv.results import Counts, Fate, Marker, Planned
from sfn_cqrs.machines.saga.rules import Entry, EntryStatus, SagaStatus
from sfn_cqrs.machines.task.items import POINTER_SK
from sfn_cqrs.machines.task.rules import Counts as TaskCounts
from sfn_cqrs.machines.task.rules import TaskStatus
from sfn_cqrs_tools.testing.builders import a_file, a_task, a_zip
from sfn_cqrs_tools.testing.builders import an_item as a_task_item

LONG_AGO = "2026-11-20T12:00:00.000Z"
NOON = "2026-11-25T12:00:00.000Z"
LARGE = "x" * 5_000


class Raw:
    """What somebody does to the tables behind the framework's back."""

    def __init__(self, clients: Clients, world: MotoWorld) -> None:
        self.world = world
        self.dynamodb: Any = clients.dynamodb
        self.s3: Any = clients.s3

    def get(self, table: str, pk: str, sk: str) -> dict[str, Any]:
        key = marshal({"pk": pk, "sk": sk})
        answer = self.dynamodb.get_item(TableName=table, Key=key, ConsistentRead=True)
        return unmarshal(answer["Item"])

    def change(self, table: str, pk: str, sk: str, **fields: Any) -> None:
        item = {**self.get(table, pk, sk), **fields}
        self.dynamodb.put_item(TableName=table, Item=marshal(item))

    def drop(self, table: str, pk: str, sk: str) -> None:
        self.dynamodb.delete_item(TableName=table, Key=marshal({"pk": pk, "sk": sk}))

    def copy(self, table: str, at: str, place: str, **fields: Any) -> None:
        """Put what lies there, with other fields, wherever these say."""
        item = {**self.get(table, at, place), **fields}
        self.dynamodb.put_item(TableName=table, Item=marshal(item))


Damage = Callable[[Raw, ItemKey], None]


def command(version: int, **fields: Any) -> Damage:
    return lambda raw, key: raw.change("CommandsTable", key.pk, key.version_sk(version), **fields)


def process(version: int, **fields: Any) -> Damage:
    return lambda raw, key: raw.change("CommandsTable", key.pk, key.process_sk(version), **fields)


def row(**fields: Any) -> Damage:
    return lambda raw, key: raw.change("DataTable", key.data_pk, key.sk, **fields)


def state(version: int, **fields: Any) -> Damage:
    return lambda raw, key: raw.change("HistoryTable", key.pk, key.version_sk(version), **fields)


def without_command(*versions: int) -> Damage:
    def drop(raw: Raw, key: ItemKey) -> None:
        for version in versions:
            raw.drop("CommandsTable", key.pk, key.version_sk(version))

    return drop


def without_chain(raw: Raw, key: ItemKey) -> None:
    without_command(1, 2, 3)(raw, key)
    for version in (1, 2, 3):
        raw.drop("CommandsTable", key.pk, key.process_sk(version))


def reserved(raw: Raw, key: ItemKey) -> None:
    at = UniqueKey(key.tenant, key.type, "h")
    place = {"pk": at.pk, "sk": at.sk, "kind": "unique"}
    raw.copy("CommandsTable", key.pk, key.version_sk(3), **place)


def another_has_it(raw: Raw, key: ItemKey) -> None:
    command(3, unique=["h"])(raw, key)
    reserved(raw, key)
    at = UniqueKey(key.tenant, key.type, "h")
    raw.change("CommandsTable", at.pk, at.sk, code="other", ttl=None)


def a_version_more(raw: Raw, key: ItemKey) -> None:
    raw.copy("CommandsTable", key.pk, key.version_sk(3), sk=key.version_sk(4), version=4)


def older_row(raw: Raw, key: ItemKey) -> None:
    kept = raw.get("HistoryTable", key.pk, key.version_sk(2))
    raw.copy("DataTable", key.data_pk, key.sk, **{**kept, "pk": key.data_pk, "sk": key.sk})


def without_row(raw: Raw, key: ItemKey) -> None:
    raw.drop("DataTable", key.data_pk, key.sk)


def without_state(raw: Raw, key: ItemKey) -> None:
    raw.drop("HistoryTable", key.pk, key.version_sk(1))


def a_state_more(raw: Raw, key: ItemKey) -> None:
    raw.copy("HistoryTable", key.pk, key.version_sk(2), sk=key.version_sk(5), version=5)


def without_object(raw: Raw, key: ItemKey) -> None:
    pointer = raw.get("DataTable", key.data_pk, key.sk)["attributes_s3"]
    raw.s3.delete_object(Bucket=BUCKET, Key=pointer)


OPEN = {"open_shard": 3, "updated_at": LONG_AGO}
ITEM_DAMAGES: dict[str, tuple[str, Damage]] = {
    "a command is gone": ("gap", without_command(2)),
    "the last command is gone": ("command_lost", without_command(3)),
    "the chain is gone": ("chain_lost", without_chain),
    "a command without its process": ("never_applied", a_version_more),
    "a process of another command": ("process_of_another", process(3, command_id="other")),
    "an earlier version failed": ("out_of_order", process(2, outcome="FAILED", **OPEN)),
    "blocked for no reason": ("blocked_behind_nothing", process(3, outcome="BLOCKED", **OPEN)),
    "waits without a token": ("waits_for_nothing", process(3, outcome="WAITING", **OPEN)),
    "waits for what has ended": (
        "waits_for_nothing",
        process(3, outcome="WAITING", task_token="t", **OPEN),
    ),
    "never started": ("never_started", process(3, outcome="OPEN", status="start", **OPEN)),
    "hangs": ("stuck", process(3, outcome="OPEN", status="finish:STARTED", **OPEN)),
    "open and not listed": ("not_listed", process(3, outcome="OPEN", status="finish:STARTED")),
    "closed and listed": ("not_listed", process(3, open_shard=3)),
    "the last command expires": ("expires", command(3, ttl=4_000_000_000)),
    "a failed process expires": (
        "expires",
        process(3, outcome="FAILED", ttl=4_000_000_000, **OPEN),
    ),
    "a command is changed": ("command_changed", command(1, name="changed")),
    "a command with large attributes is changed": ("command_changed", command(3, name="x")),
    "a command's attributes are changed": ("command_changed", command(1, attributes={"a": 1})),
    "a command is deleted in the record": ("command_changed", command(2, is_deleted=True)),
    "the data row is gone": ("data_lost", without_row),
    "the data row is an older one": ("data_behind", older_row),
    "the data row is ahead": ("data_ahead", row(version=9)),
    "the data row is early": ("data_early", process(3, outcome="BLOCKED", **OPEN)),
    "a unique value is not reserved": ("not_reserved", command(3, unique=["h"])),
    "a unique value is another's": ("not_reserved", another_has_it),
    "a unique value is reserved for nothing": ("held_by_nobody", reserved),
    "the other half of a decision is gone": ("half", command(3, together=["AIRPORT/GONE/1"])),
    "the data row shows what was skipped": ("skipped_shown", process(3, outcome="SKIPPED")),
    "the data row's name is another": ("data_differs", row(name="other")),
    "the data row's attributes are others": (
        "data_differs",
        row(attributes={}, attributes_s3=None),
    ),
    "the data row is of another command": ("data_differs", row(command_id="other")),
    "the data row is made by another": ("data_differs", row(updated_by="mallory")),
    "a state of history is gone": ("history_lost", without_state),
    "a state of history too many": ("history_ahead", a_state_more),
    "a state of history is changed": ("history_differs", state(2, name="other")),
    "a state of history is of another command": ("history_differs", state(1, command_id="x")),
    "a state of history is of another item": ("misplaced", state(1, code="ZZZZ")),
    "attributes are gone from S3": ("pointer_lost", without_object),
}


def part(prefix: str, **fields: Any) -> Callable[[Raw, ImportKey], None]:
    return lambda raw, key: raw.change("ImportTmpTable", key.parts_pk, prefix, **fields)


def job(**fields: Any) -> Callable[[Raw, ImportKey], None]:
    return lambda raw, key: raw.change("ImportTmpTable", key.pk, key.sk, **fields)


def counter(raw: Raw, key: ImportKey) -> None:
    asked = {":pk": key.parts_pk, ":prefix": "COUNT#"}
    (found,) = raw.dynamodb.query(
        TableName="ImportTmpTable",
        KeyConditionExpression="pk = :pk AND begins_with(sk, :prefix)",
        ExpressionAttributeValues=marshal(asked),
        ConsistentRead=True,
    )["Items"]
    raw.change("ImportTmpTable", key.parts_pk, found["sk"]["S"], created=7)


IMPORT_DAMAGES: dict[str, tuple[str, Callable[[Raw, ImportKey], None]]] = {
    "a counter is wrong": ("counters_differ", counter),
    "a marker is gone": (
        "counters_differ",
        lambda raw, key: raw.drop("ImportTmpTable", key.parts_pk, "BATCH#000000002"),
    ),
    "a batch is there twice": (
        "counted_twice",
        lambda raw, key: raw.copy(
            "ImportTmpTable", key.parts_pk, "BATCH#000000002", sk="BATCH#000000003", first=3
        ),
    ),
    "the end says otherwise": (
        "ending_differs",
        job(
            ending={
                "status": "FAILED",
                "created": 2,
                "updated": 0,
                "unchanged": 0,
                "failed": 0,
                "cancelled": 0,
            }
        ),
    ),
    "a plan is gone": (
        "plan_lost",
        lambda raw, key: raw.drop("ImportTmpTable", key.parts_pk, "PLAN#000000002"),
    ),
    "errors.csv is gone": (
        "report_lost",
        lambda raw, key: raw.s3.delete_object(Bucket=IMPORTS, Key=report_key(key)),
    ),
    "an import hangs": ("import_stuck", job(status="PROCESSING", started_at=LONG_AGO)),
}


ULID = "01JDHZ000000000000000001"
Key = TaskKey | SagaKey | ApprovalKey | ZipKey


def a_task_that_failed(world: MotoWorld, number: int) -> TaskKey:
    """Two items, of which one has failed."""
    key = TaskKey("tenant1", "RESIZE", f"{ULID}{number:02d}")
    ended = {"attempt": 1, "seq": 1}
    counts = TaskCounts(completed=1, failed=1)
    world.seed_tasks(a_task(key, 2, status=TaskStatus.FAILED, input=None, counts=counts))
    world.seed_items(
        a_task_item(key, 0, status=TaskStatus.COMPLETED, **ended),
        a_task_item(key, 1, status=TaskStatus.FAILED, **ended),
    )
    return key


def a_saga_that_is_back(world: MotoWorld, number: int) -> SagaKey:
    """A step was refused, and what was done before it is undone."""
    key = SagaKey("tenant1", f"{ULID}{number:02d}")
    done = Entry(status=EntryStatus.DONE, began_at=NOON, ended_at=NOON)
    log = {"reserve_stock": done, "charge_payment": replace(done, status=EntryStatus.REFUSED)}
    world.seed_sagas(
        a_saga(
            key,
            status=SagaStatus.COMPENSATED,
            is_undoing=True,
            error="refused",
            log={**log, "release_stock": done},
        )
    )
    return key


def an_approval_that_is_granted(world: MotoWorld, number: int) -> ApprovalKey:
    key = ApprovalKey("tenant1", f"{ULID}{number:02d}")
    approval = an_approval(key)
    vote = Vote("boss", Verdict.APPROVE, NOON, seen=approval.digest)
    world.seed_approvals(
        replace(
            approval,
            status=Status.GRANTED,
            stage=Stage.DONE,
            happened=Happened.DONE,
            votes=(vote,),
        )
    )
    return key


def an_archive_that_has_ended(world: MotoWorld, number: int) -> ZipKey:
    """Two files of a row each."""
    key = ZipKey("tenant1", f"{ULID}{number:02d}")
    one = Counts(created=1)
    world.seed_zips(
        a_zip(
            key,
            files=2,
            status=JobStatus.COMPLETED,
            started_at=NOON,
            finished_at=NOON,
            settled=True,
            ending=Ending(JobStatus.COMPLETED, one + one),
        )
    )
    world.zip_jobs.put_files(key, [a_file(0), a_file(1)])
    ending = {"status": "COMPLETED", "created": 1, "updated": 0, "unchanged": 0, "failed": 0}
    for index in (0, 1):
        world.dynamodb.update_item(
            TableName="ImportTmpTable",
            Key=marshal({"pk": key.parts_pk, "sk": key.file_sk(index)}),
            UpdateExpression="SET #status = :status, ending = :ending",
            ExpressionAttributeNames={"#status": "status"},
            ExpressionAttributeValues=marshal(
                {":status": "COMPLETED", ":ending": {**ending, "cancelled": 0}}
            ),
        )
    return key


def record(table: str, **fields: Any) -> Callable[[Raw, Any], None]:
    return lambda raw, key: raw.change(table, key.pk, key.sk, **fields)


task, saga = partial(record, "TasksTable"), partial(record, "SagasTable")
approval, archive = partial(record, "ApprovalsTable"), partial(record, "ImportTmpTable")


def task_item(index: int, **fields: Any) -> Callable[[Raw, Any], None]:
    return lambda raw, key: raw.change("TasksTable", key.items_pk, key.item_sk(index), **fields)


def archived(index: int, **fields: Any) -> Callable[[Raw, Any], None]:
    return lambda raw, key: raw.change("ImportTmpTable", key.parts_pk, key.file_sk(index), **fields)


def entry(**fields: Any) -> Callable[[Raw, Any], None]:
    def change(raw: Raw, key: Any) -> None:
        log = raw.get("SagasTable", key.pk, key.sk)["log"]
        log["release_stock"] |= fields
        raw.change("SagasTable", key.pk, key.sk, log=log)

    return change


def vote(**fields: Any) -> Callable[[Raw, Any], None]:
    def change(raw: Raw, key: Any) -> None:
        votes = raw.get("ApprovalsTable", key.pk, key.sk)["votes"]
        raw.change("ApprovalsTable", key.pk, key.sk, votes=[{**votes[0], **fields}])

    return change


def hangs(raw: Raw, key: Any) -> None:
    task(status="QUEUED", counts=None, open_shard=1, opened_at=LONG_AGO)(raw, key)
    for index in (0, 1):
        task_item(index, updated_at=LONG_AGO)(raw, key)


Make = Callable[[MotoWorld, int], Key]
RULES: tuple[Rule[Any], ...] = (
    *ITEM_RULES,
    *RESERVATION_RULES,
    *IMPORT_RULES,
    *TASK_RULES,
    *SAGA_RULES,
    *APPROVAL_RULES,
    *ARCHIVE_RULES,
)
WORK_DAMAGES: dict[Make, dict[str, tuple[str, Callable[[Raw, Any], None]]]] = {
    a_task_that_failed: {
        "an open task is not listed": ("task_not_listed", task(status="PROCESSING", counts=None)),
        "an ended task is listed": ("task_not_listed", task(open_shard=1)),
        "a task hangs": ("task_stuck", hangs),
        "an item of a task is gone": (
            "task_item_lost",
            lambda raw, key: raw.drop("TasksTable", key.items_pk, key.item_sk(1)),
        ),
        "an item of an ended task is open": ("task_item_open", task_item(1, status="PROCESSING")),
        "the counts of a task are wrong": ("task_counts_differ", task_item(1, status="COMPLETED")),
        "a task has ended otherwise than its items": (
            "task_counts_differ",
            task(status="COMPLETED"),
        ),
        "the id of a task leads nowhere": (
            "task_pointer_lost",
            lambda raw, key: raw.drop("TasksTable", key.items_pk, POINTER_SK),
        ),
    },
    a_saga_that_is_back: {
        "an ended saga is listed": ("saga_not_listed", saga(open_shard=1)),
        "a saga was never begun": (
            "saga_never_begun",
            saga(status="CREATED", open_shard=1, opened_at=LONG_AGO),
        ),
        "a saga is complete and undone": ("saga_direction", saga(status="COMPLETED")),
        "a saga is undone and has not turned back": ("saga_direction", saga(is_undoing=False)),
        "a saga is parked without an error": ("saga_direction", saga(status="PARKED", error=None)),
        "a step that has ended has no end": ("saga_log", entry(ended_at=None)),
        "a step is of an attempt to come": ("saga_log", entry(attempt=9)),
    },
    an_approval_that_is_granted: {
        "an ended approval is listed as open": ("approval_not_listed", approval(open_shard=1)),
        "lists have another status of an approval": (
            "approval_not_listed",
            approval(tenant_status="tenant1#OPEN"),
        ),
        "an approval is overdue": (
            "approval_overdue",
            approval(
                status="OPEN",
                stage="WAITING",
                happened="WAITING",
                open_shard=1,
                tenant_status="tenant1#OPEN",
                votes=[],
                expires_at=LONG_AGO,
            ),
        ),
        "an approval is granted by nobody": ("approval_votes", approval(votes=[])),
        "somebody has decided on their own": ("approval_votes", vote(by="hanako")),
        "a vote was for something else": ("approval_votes", vote(seen="x")),
        "a vote is another's": ("approval_votes", vote(verdict="REJECT")),
        "what was approved is changed": ("approval_changed", approval(payload={"total": 9})),
        "an approval is done and open": (
            "approval_done",
            approval(status="OPEN", tenant_status="tenant1#OPEN"),
        ),
    },
    an_archive_that_has_ended: {
        "an ended archive is listed": ("archive_not_listed", archive(open_shard=100)),
        "nobody was told that an archive has ended": (
            "archive_stuck",
            archive(settled=None, open_shard=100, finished_at=LONG_AGO),
        ),
        "a file of an archive is gone": (
            "archive_files",
            lambda raw, key: raw.drop("ImportTmpTable", key.parts_pk, key.file_sk(1)),
        ),
        "a file of an ended archive is open": ("archive_files", archived(1, status="PROCESSING")),
        "an archive has ended with other rows": (
            "archive_ending_differs",
            archived(1, ending=None),
        ),
    },
}


@pytest.fixture(scope="module")
def clients() -> Iterator[Clients]:
    with mock_aws():
        yield Clients()


@pytest.fixture
def raw(clients: Clients, monkeypatch: pytest.MonkeyPatch) -> Iterator[Raw]:
    monkeypatch.setenv("APP_PACKAGE", "shop")
    clients.make_tables()
    world = MotoWorld(clients)
    tables = bootstrap.audit_tables(world.new_parts())
    with bootstrap.override(**world.parts(), audit_tables=tables):
        yield Raw(clients, world)
    clients.empty()


def an_item(code: str) -> ItemKey:
    """Three versions, the last one large."""
    service = CommandService("tenant1")
    for version, more in enumerate(({}, {}, {"note": LARGE})):
        service.publish_sync(
            "AIRPORT",
            code,
            name=f"{code} {version + 1}",
            attributes={"country": "JP", **more},
            version=version,
        )
    return ItemKey("tenant1", "AIRPORT", code)


def an_import(number: int) -> ImportKey:
    """Two rows, of which one has failed."""
    key = ImportKey("tenant1", f"01JDHZ000000000000000000{number:02d}")
    counts = Counts(created=1, failed=1)
    imports = bootstrap.imports()
    plan = {2: Planned(Fate.CREATED, 1, code="A"), 3: Planned.failing("invalid", "no")}
    imports.plan(key, 2, plan)
    imports.count(key, Marker(2, 3, counts, has_errors=True))
    bootstrap.import_bucket().put_report(key, ["a\n"])
    bootstrap.import_jobs().create(
        Job(
            key=key,
            table="airports",
            source=NO_SOURCE,
            by=By(NOON),
            loaded=Loaded(2, (), (), Reader.NONE, NO_SOURCE),
            status=JobStatus.FAILED,
            started_at=NOON,
            finished_at=NOON,
            ending=Ending(JobStatus.FAILED, counts),
        )
    )
    return key


def rules_by_key(audit: Audit) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for one in audit.run().findings:
        found.setdefault(one.key, set()).add(one.rule)
    return found


def test_what_is_well_gives_no_finding(raw):
    an_item("RJAA")
    an_import(1)
    for number, make in enumerate(WORK_DAMAGES):
        make(raw.world, number)

    report = Audit().run()

    assert report.as_json() == {
        "items": 1,
        "imports": 1,
        "work": 4,
        "suspects": 0,
        "isComplete": True,
        "findings": [],
        "repaired": [],
    }


def test_each_kind_of_damage_is_found_and_nothing_else(raw):
    """More than thirty, each done to an item or an import of its own."""
    an_item("WELL")
    damaged = {}
    for number, (what, (rule, damage)) in enumerate(ITEM_DAMAGES.items()):
        key = an_item(f"D{number:02d}")
        damage(raw, key)
        damaged[f"tenant1 AIRPORT/{key.code}"] = (what, rule)
    for number, (what, (rule, harm)) in enumerate(IMPORT_DAMAGES.items()):
        job_key = an_import(number)
        harm(raw, job_key)
        damaged[f"tenant1 {job_key.id}"] = (what, rule)
    works = [(make, *one) for make, all_of in WORK_DAMAGES.items() for one in all_of.items()]
    for number, (make, what, (rule, hurt)) in enumerate(works):
        work_key = make(raw.world, number)
        hurt(raw, work_key)
        damaged[f"tenant1 {work_key.id}"] = (what, rule)

    found = rules_by_key(Audit())

    missed = {
        what: (rule, found.get(key))
        for key, (what, rule) in damaged.items()
        if rule not in found.get(key, set())
    }
    assert missed == {}
    assert found.keys() == damaged.keys()
    assert len(damaged) > 60
    assert {rule for _, rule in damaged.values()} == {rule.name for rule in RULES}


REPAIRED = {"data_lost", "data_behind", "data_differs"}


@pytest.mark.parametrize(
    "what", [what for what, (rule, _) in ITEM_DAMAGES.items() if rule in REPAIRED]
)
def test_the_repair_that_an_audit_names_repairs(raw, what):
    key = an_item("RJAA")
    well = raw.get("DataTable", key.data_pk, key.sk)
    ITEM_DAMAGES[what][1](raw, key)
    named = {one.repair for one in Audit().run().findings}

    report = Audit(repairs=True).run()

    assert "sfn-cqrs audit --repair writes the row again" in named
    assert report.repaired == ["tenant1 AIRPORT/RJAA"]
    assert Audit().run().findings == []
    assert raw.get("DataTable", key.data_pk, key.sk) == well


def test_a_row_that_is_behind_gets_the_states_below_it_too(raw):
    key = an_item("RJAA")
    first = raw.get("HistoryTable", key.pk, key.version_sk(1))
    second = raw.get("HistoryTable", key.pk, key.version_sk(2))
    raw.dynamodb.put_item(
        TableName="DataTable", Item=marshal({**first, "pk": key.data_pk, "sk": key.sk})
    )
    raw.drop("HistoryTable", key.pk, key.version_sk(1))
    raw.drop("HistoryTable", key.pk, key.version_sk(2))

    Audit(repairs=True).run()

    assert Audit().run().findings == []
    assert raw.get("HistoryTable", key.pk, key.version_sk(1)) == first
    assert raw.get("HistoryTable", key.pk, key.version_sk(2)) == second


DAMAGED_VERSIONS: dict[str, Damage] = {
    "its content has changed": command(3, name="changed"),
    "its attributes are gone": without_object,
    "it is lost": without_command(3),
}


@pytest.mark.parametrize("damage", DAMAGED_VERSIONS.values(), ids=DAMAGED_VERSIONS)
def test_a_row_is_not_written_from_a_version_that_is_damaged_itself(raw, damage):
    key = an_item("RJAA")
    damage(raw, key)
    without_row(raw, key)

    report = Audit(repairs=True).run()

    assert report.repaired == []
    assert "data_lost" in {one.rule for one in report.findings}


def test_without_repairs_an_audit_writes_nothing_and_a_row_that_is_well_stays(raw):
    key = an_item("RJAA")
    state(1, name="other")(raw, key)  # another rule's
    raw.change("DataTable", key.data_pk, key.sk, extra=1)

    Audit(repairs=True).run()

    assert raw.get("DataTable", key.data_pk, key.sk)["extra"] == 1


def test_a_count_of_everything_tells_what_tenants_use_at_once(raw):
    for number in range(3):
        an_item(f"RJA{number}")

    report = count_all()

    (stored,) = usage_of("tenant1").stored
    assert (report.items, report.is_complete) == (3, True)
    assert (stored.type, stored.items, stored.known) == ("AIRPORT", 3, 1.0)
    raw.world.clock.advance(days=1)
    count_all()
    assert [(day.commands, day.known) for day in usage_of("tenant1").days] == [(9, 1.0)]


def test_an_old_import_whose_parts_have_expired_is_no_finding(raw):
    key = an_import(1)
    for sort in ("BATCH#000000002", "PLAN#000000002"):
        raw.drop("ImportTmpTable", key.parts_pk, sort)
    counter(raw, key)
    raw.world.clock.advance(days=30)

    assert Audit().run().findings == []


def test_what_was_approved_and_is_erased_is_no_finding(raw):
    key = an_approval_that_is_granted(raw.world, 1)
    approval(payload={"total": ERASED})(raw, key)

    assert Audit().run().findings == []


def test_a_finding_says_where_what_and_how_to_repair_it(raw):
    row(name="other")(raw, an_item("RJAA"))

    (found,) = Audit().run().findings

    assert (found.key, found.rule) == ("tenant1 AIRPORT/RJAA", "data_differs")
    assert found.evidence == "the data row differs from version 3"
    assert "sfn-cqrs audit --repair" in found.repair


def test_what_has_moved_on_when_it_is_read_again_is_no_finding(raw, monkeypatch):
    key = an_item("RJAA")
    process(3, outcome="OPEN", status="start", **OPEN)(raw, key)
    read = AuditTables.partition

    def moved_on(tables: AuditTables, table: str, pk: str) -> Any:
        if table == "commands":
            process(3, outcome="APPLIED", status="finish:FINISHED", open_shard=None)(raw, key)
        return read(tables, table, pk)

    monkeypatch.setattr(AuditTables, "partition", moved_on)

    report = Audit().run()

    assert (report.suspects, report.findings) == (1, [])


def test_what_is_seen_otherwise_when_it_is_read_again_is_no_finding(raw, monkeypatch):
    key = an_item("RJAA")
    name = bootstrap.data().find(key).name
    row(name="other")(raw, key)
    read = AuditTables.partition

    def moved_on(tables: AuditTables, table: str, pk: str) -> Any:
        if table == "commands":
            row(name=name, updated_by="mallory")(raw, key)
        return read(tables, table, pk)

    monkeypatch.setattr(AuditTables, "partition", moved_on)

    report = Audit().run()

    assert (report.suspects, report.findings) == (1, [])


def test_an_audit_counts_items_of_tasks_and_objects_on_its_way(raw):
    an_item("RJAA")
    a_task_that_failed(raw.world, 1)
    meter = Meter()

    Audit(meter=meter).run()
    meter.keep(0)

    (part,) = bootstrap.usage().parts("tenant1")
    airports, tasks = part.types["AIRPORT"], part.types["RESIZE"]
    assert (airports.items, tasks.items) == (1, 2)
    assert 5_000 < airports.objects < 5_200  # the data row and its command share the object
    assert tasks.objects == 0
    assert tasks.size > 500
    assert [(each.commands, each.task_items) for each in tasks.days.values()] == [(0, 2)]


def test_an_audit_of_a_tenant_looks_at_no_other(raw):
    row(name="other")(raw, an_item("RJAA"))
    an_import(1)

    report = Audit("tenant2").run()

    assert (report.items, report.imports, report.findings) == (0, 0, [])


@pytest.mark.usefixtures("raw")
def test_all_parts_of_a_sample_are_all_items():
    for number in range(12):
        an_item(f"R{number:02d}")

    counts = [Audit().run(Sample.parse("1/3", day)).items for day in range(3)]

    assert sum(counts) >= 12
    assert max(counts) < 12


def test_an_audit_keeps_to_its_rate(raw, monkeypatch):
    an_item("RJAA")
    slept: list[float] = []
    tables = bootstrap.audit_tables()
    monkeypatch.setattr("time.sleep", slept.append)

    Audit(rate=10).run()

    assert sum(slept) == pytest.approx(tables.units / 10)
    assert raw is not None


def test_items_that_are_read_by_their_keys_keep_to_the_rate(raw, monkeypatch):
    keys = [an_item("RJAA"), ItemKey("tenant1", "AIRPORT", "NONE")]
    slept: list[float] = []
    tables = bootstrap.audit_tables()
    monkeypatch.setattr("time.sleep", slept.append)

    tables.rate = 10
    found = tables.many("data", [(key.data_pk, key.sk) for key in keys])

    assert [row["code"] for row in found.values()] == ["RJAA"]
    assert (tables.units, sum(slept)) == (2, pytest.approx(0.2))
    assert raw is not None


def test_an_audit_that_has_no_time_left_says_so(raw):
    an_item("RJAA")

    assert Audit(is_late=lambda: True).run().is_complete is False
    assert raw is not None


@pytest.mark.parametrize("text", ["2/14", "x", "1/0"])
def test_a_sample_is_one_part_of_some(text):
    with pytest.raises(InvalidInputError, match="sample"):
        Sample.parse(text, 1)


def test_an_export_has_every_state_whole_from_a_moment_on(raw):
    key = an_item("RJAA")
    raw.change("HistoryTable", key.pk, key.version_sk(1), updated_at="2026-11-24T12:00:00.000Z")

    everything = sorted(states(None, ""), key=lambda each: each["version"])
    recent = sorted(each["version"] for each in states("tenant1", "2026-11-25"))

    assert [each["version"] for each in everything] == [1, 2, 3]
    assert everything[2]["attributes"] == {"country": "JP", "note": LARGE}
    assert recent == [2, 3]
    assert list(states("tenant2", "")) == []


@dataclass
class Place:
    """An airport in the next shape."""

    nation: str


def test_an_export_has_the_current_shape_of_each_type(raw):
    assert raw
    an_item("RJAA")

    with declaring("AIRPORT"):
        upcast = {1: lambda old: {"nation": old["country"]}}
        command_type("AIRPORT", model=Place, shape=2, upcast=upcast)
        found = [each["attributes"] for each in states("tenant1", "")]

    assert found == [{"nation": "JP"}] * 3


def test_an_export_goes_on_where_attributes_are_lost(raw):
    key = an_item("RJAA")
    without_object(raw, key)

    assert next(states(None, ""))["attributes"] is None
