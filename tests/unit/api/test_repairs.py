import json
import random
from collections import Counter
from contextlib import suppress
from dataclasses import replace

import pytest
from tests.support.calls import AwsCall, Calls, KilledError, Watched
from tests.support.orders import a_saga

from sfn_cqrs import bootstrap
from sfn_cqrs.care.repairs import found as listing
from sfn_cqrs.care.repairs import routes, service, work
from sfn_cqrs.kernel.clock import Retention
from sfn_cqrs.kernel.command import Audit
from sfn_cqrs.kernel.errors import BusyError, TransientError
from sfn_cqrs.kernel.keys import ImportKey, ItemKey, TaskKey, TaskKind
from sfn_cqrs.kernel.policy import Access, group
from sfn_cqrs.kernel.tables.dynamodb import marshal
from sfn_cqrs.machines.command import handlers, process_table
from sfn_cqrs.machines.command.chain import Close, Restart, Skip
from sfn_cqrs.machines.command.items import process_item
from sfn_cqrs.machines.command.process import Outcome
from sfn_cqrs.machines.command.process_table import FAILED_SHARDS, ProcessTable, open_shard
from sfn_cqrs.machines.import_csv import job as import_job
from sfn_cqrs.machines.import_csv.csv.rows import Problem
from sfn_cqrs.machines.import_csv.job import Ending, Job, JobStatus, Source
from sfn_cqrs.machines.import_csv.results import Counts
from sfn_cqrs.machines.saga import types as saga_types
from sfn_cqrs.machines.saga.rules import SagaStatus
from sfn_cqrs.machines.task import types as task_types
from sfn_cqrs.machines.task.items import TASKS
from sfn_cqrs.machines.task.programs import Claim, CloseItem
from sfn_cqrs.machines.task.rules import Begin, CloseTask, TaskStatus
from sfn_cqrs.machines.task.rules import Ending as ItemEnding
from sfn_cqrs.machines.task.types import TaskItem, TaskType
from sfn_cqrs_tools.testing.builders import ORDERED, RESIZE, a_process, a_task, an_item
from sfn_cqrs_tools.testing.dynamodb import DynamoDB
from sfn_cqrs_tools.testing.fakes.stored import TABLES

RETRY = {"kind": "command", "action": "retry"}
SKIP = {"kind": "command", "action": "skip"}
THEIRS = {"custom:tenant": "tenant2", "cognito:groups": "[operator]", "sub": "eve"}
STACKS = "arn:aws:sts::000000000000:assumed-role/stack-operators/hanako"
IMPORT = ImportKey("tenant1", "01KAXK3V9Q0M3W8C5R6T7Y8Z9A")
SOURCE = Source("imports", "uploads/tenant1/1/a.csv", "1")
AT = "2026-11-25T11:00:00.000Z"


def item(code, tenant="tenant1", type_="ORDER"):
    return ItemKey(tenant, type_, code)


def a_failure(key, **changes):
    at = changes.get("updated_at", AT)
    fields = {"error": "ThrottlingError", "cause": "too fast\n at line 3", "updated_at": at}
    return a_process(key, **{"outcome": Outcome.FAILED, "opened_at": at, **fields, **changes})


@pytest.fixture
def plan(call):
    """Return what plans a repair; answers what the API does."""
    return lambda **more: call("POST", "/repairs", {**RETRY, **more}).body


@pytest.fixture
def call_of_all(call):
    """Return what asks for all tenants, as an operator of the stack unless told otherwise."""
    return lambda *asked, arn=STACKS: call(*asked, arn=arn, headers={"x-tenant-code": "*"})


def repaired(call, repair, times=1, tenant="tenant1"):
    """Start a repair and work its items off, so many times each; answers what is shown then."""
    started = call("POST", f"/repairs/{repair['id']}/start")
    assert started.status == 202, started.body
    key = TaskKey(tenant, work.REPAIR, repair["id"][2:])
    tasks = bootstrap.tasks()
    task = tasks.find(key)
    tasks.put_items(task)
    tasks.change(key, Begin(1))
    for index in range(task.total):
        stored = tasks.write_item(key, Claim(index, 1, 1, lease_until=10**10)).record
        for _ in range(times):
            given = TaskItem(tenant, work.REPAIR, key.id, index, 1, stored.input)
            result = work.repair(given)
        tasks.write_item(key, CloseItem(index, 1, 1, ItemEnding(TaskStatus.COMPLETED, result)))
    tasks.change(key, CloseTask(1, TaskStatus.COMPLETED, task.counts))
    return call("GET", f"/repairs/{repair['id']}").body


def test_a_plan_lists_what_has_failed_and_repairs_nothing(plan, world):
    world.seed(a_failure(item("o-1")), a_process(item("o-2")))
    world.seed(a_process(item("o-3"), outcome=Outcome.BLOCKED, error="PredecessorFailedError"))

    planned = plan()

    assert planned["items"] == [
        {
            "type": "ORDER",
            "code": "o-1",
            "version": 1,
            "attempt": 1,
            "error": "ThrottlingError",
            "cause": "too fast",
            "at": AT,
        }
    ]
    assert (planned["total"], planned["isComplete"], planned["status"]) == (1, True, "PLANNED")
    assert world.processes.find(item("o-1"), 1).outcome is Outcome.FAILED


def test_plans_are_listed_the_newest_first_started_or_not(plan, call, world):
    world.seed(a_failure(item("o-1")))
    first = plan(type="ORDER")
    world.clock.advance(seconds=1)
    second = plan(type="OTHER")
    repaired(call, first)

    listed = call("GET", "/repairs").body["items"]

    shown = [(one["id"], one["status"], one["total"], one["createdBy"]) for one in listed]
    assert shown == [
        (second["id"], "PLANNED", 0, second["createdBy"]),
        (first["id"], "COMPLETED", 1, first["createdBy"]),
    ]
    assert listed[1]["filter"] == first["filter"]
    assert listed[1]["taskId"] == f"t-{first['id'][2:]}"
    assert "taskId" not in listed[0]


@pytest.mark.parametrize(
    ("filter_", "codes"),
    [
        ({}, ["o-1", "o-2", "o-3"]),
        ({"type": "ORDER"}, ["o-1", "o-2"]),
        ({"since": "2026-11-25T12:00:00+01:00"}, ["o-1", "o-3"]),
        ({"until": "2026-11-25T11:00:00Z"}, ["o-2"]),
        ({"error": "throttling"}, ["o-1"]),
        ({"error": "LATE"}, ["o-2", "o-3"]),
        ({"type": "STOCK", "error": "nothing like it"}, []),
    ],
)
def test_a_filter_says_which(filter_, codes, plan, world):
    world.seed(
        a_failure(item("o-1")),
        a_failure(item("o-2"), error="E", cause="too late", updated_at="2026-11-25T10:59:59.999Z"),
        a_failure(item("o-3", type_="STOCK"), error="LateError"),
    )

    assert sorted(one["code"] for one in plan(**filter_)["items"]) == codes


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"kind": "row"}, "kind"),
        ({"action": "again"}, "action"),
        ({"kind": "saga", "action": "skip"}, "action"),
        ({"since": "yesterday"}, "since"),
        ({"until": "2026-11-25T08:00:00"}, "until"),
        ({"error": 1}, "error"),
        ({"kind": "task", "action": "retry"}, "type"),
    ],
)
def test_a_filter_that_means_nothing_is_refused(body, field, call):
    answer = call("POST", "/repairs", {**RETRY, **body})

    assert (answer.status, answer.body["field"]) == (400, field)


def test_a_repair_runs_the_attempts_of_its_list_again_once_whoever_asks_how_often(
    plan, call, world
):
    world.seed(*[a_failure(item(f"o-{number}")) for number in range(60)])
    planned = plan()
    world.processes.write(item("o-7"), Restart(1, 1))
    world.processes.write(item("o-8"), Skip(1, 1))
    first = call("POST", f"/repairs/{planned['id']}/start").body

    done = repaired(call, planned, times=2)

    assert first["taskId"] == done["taskId"]
    assert (done["done"], done["unchanged"], done["left"], done["failed"]) == (59, 1, 0, [])
    assert {world.processes.find(item(f"o-{n}"), 1).attempt for n in range(60) if n != 8} == {2}
    names = [world.processes.find(item(code), 1).repaired_by for code in ("o-1", "o-7")]
    assert names == ["taro", ""]
    assert len([task for task in world.all_of(TASKS) if task.key.type == work.REPAIR]) == 1


def test_what_fails_again_meanwhile_is_left_alone(plan, call, world):
    world.seed(a_failure(item("o-1")))
    planned = plan()
    ref = a_failure(item("o-1")).ref
    world.processes.write(ref.key, Restart(1, 1))
    world.processes.write(ref.key, Close(1, 2, Outcome.FAILED, "mark_failed:FINISHED", "E", "c"))

    repaired(call, planned)

    assert world.processes.find(item("o-1"), 1).ref == replace(ref, attempt=2)


def test_a_skip_lets_what_is_blocked_behind_it_go_on(call, world):
    key = item("o-1")
    world.seed(a_failure(key), a_process(key, 2, outcome=Outcome.BLOCKED))
    planned = call("POST", "/repairs", SKIP).body

    done = repaired(call, planned, times=2)

    assert (done["done"], done["unchanged"]) == (1, 0)
    assert world.processes.find(key, 1).outcome is Outcome.SKIPPED
    assert world.processes.find(key, 2).ref.attempt == 2


@pytest.mark.parametrize("action", ["retry", "skip"])
@pytest.mark.parametrize("moment", ["before", "after"])
def test_whoever_dies_at_any_call_is_succeeded_by_a_try_that_does_the_rest(
    action, moment, make_world
):
    made: list[AwsCall] = []
    clean = _killed(make_world, action, lambda call, when: when == "before" and made.append(call))
    assert len(made) >= 2

    for at in made:
        assert _killed(make_world, action, _dying(at, moment)) == clean, at


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("action", ["retry", "skip"])
def test_bad_weather_repairs_nothing_twice_and_calls_no_failure(make_world, action, seed):
    chance = random.Random(seed)

    def weather(_call, _when):
        if chance.random() < 0.1:
            raise BusyError("the weather")

    clean = _killed(make_world, action, lambda _call, _when: None)

    assert _killed(make_world, action, weather, tries=100) == clean


def test_an_operator_of_the_stack_repairs_what_has_failed_of_all_tenants(call_of_all, call, world):
    keys = [item("o-1"), item("o-1", "tenant2"), item("s-1", "tenant3", "STOCK")]
    world.seed(*map(a_failure, keys))
    planned = call_of_all("POST", "/repairs", {**RETRY, "type": "ORDER"}).body

    done = repaired(call_of_all, planned, times=2, tenant="*")

    whose = [(one["tenant"], one["code"]) for one in planned["items"]]
    assert whose == [("tenant1", "o-1"), ("tenant2", "o-1")]
    assert (done["done"], done["left"], done["createdBy"]) == (2, 0, STACKS)
    attempts = [world.processes.find(key, 1).attempt for key in keys]
    assert attempts == [2, 2, 1]
    assert call("GET", f"/repairs/{planned['id']}").status == 404


def test_nobody_else_asks_for_all_tenants_and_nothing_else_is_theirs(call_of_all, world):
    world.seed(a_failure(item("o-1")))
    others = STACKS.replace("stack-operators", "feed")

    assert call_of_all("POST", "/repairs", RETRY, arn=others).status == 403
    refused = [
        call_of_all("POST", "/repairs", {"kind": "saga", "action": "retry"}),
        call_of_all("POST", "/commands/ORDER/o-1/1/retry"),
        call_of_all("GET", "/data/ORDER/o-1"),
    ]
    assert [(each.status, each.body["field"]) for each in refused] == [
        (400, "kind"),
        (400, "tenant"),
        (400, "tenant"),
    ]


def test_an_entry_of_a_tenants_task_that_names_another_tenant_repairs_nothing_there(world):
    theirs = item("o-1", "tenant2")
    world.seed(a_failure(theirs))
    entry = {"tenant": "tenant2", "type": "ORDER", "code": "o-1", "version": 1, "attempt": 1}
    given = {"kind": "command", "action": "retry", "by": "taro", "entries": [entry]}

    result = work.repair(
        TaskItem("tenant1", work.REPAIR, "t-01KAXK3V9Q0M3W8C5R6T7Y8Z9A", 0, 1, given)
    )

    assert (result["done"], result["unchanged"]) == (0, 1)
    assert world.processes.find(theirs, 1).attempt == 1


def test_a_repair_that_has_ended_early_goes_on_when_it_is_started_again(plan, call, world):
    world.seed(a_failure(item("o-1")))
    planned = plan()
    call("POST", f"/repairs/{planned['id']}/start")
    key = TaskKey("tenant1", work.REPAIR, planned["id"][2:])
    tasks = bootstrap.tasks()
    tasks.put_items(tasks.find(key))
    tasks.change(key, Begin(1))
    tasks.change(key, CloseTask(1, TaskStatus.FAILED, tasks.find(key).counts))

    again = call("POST", f"/repairs/{planned['id']}/start").body

    assert (again["status"], tasks.find(key).attempt) == ("CREATED", 2)


def _dying(at, moment):
    dead = []

    def die(call, when):
        if (call, when) == (at, moment) and not dead:
            dead.append(call)
            raise KilledError

    return die


def _killed(make_world, action, observer, tries=2):
    """Repair two chains; who is killed is tried again. Answers what there is then."""
    world, calls = make_world(), Calls([observer])
    keys = [item("o-1"), item("o-2")]
    for key in keys:
        world.seed(a_failure(key), a_process(key, 2, outcome=Outcome.BLOCKED))
    entries = [
        {"type": key.type, "code": key.code, "version": 1, "attempt": 1, "by": "taro"}
        for key in keys
    ]
    given = {"kind": "command", "action": action, "by": "taro", "entries": entries}
    watched = {
        name: Watched(part, calls, lambda *_: None)
        for name, part in {"processes": world.processes, "data": world.data}.items()
    }
    with bootstrap.override(**watched):
        for _ in range(tries):
            with suppress(KilledError, TransientError), calls.of("repair"):
                result = work.repair(
                    TaskItem("tenant1", work.REPAIR, "t-01KAXK3V9Q0M3W8C5R6T7Y8Z9A", 0, 1, given)
                )
                break
    found = [world.processes.find(key, version) for key in keys for version in (1, 2)]
    return result, [(each.outcome, each.attempt) for each in found]


def test_parked_sagas_go_on(call, world):
    world.seed_sagas(a_saga(status=SagaStatus.PARKED, error="Closed", cause="the bank"))
    planned = call("POST", "/repairs", {"kind": "saga", "action": "retry", "error": "bank"}).body

    done = repaired(call, planned, times=2)

    assert (planned["total"], done["done"]) == (1, 1)
    assert world.sagas.find(ORDERED).attempt == 2


def test_what_cannot_be_repaired_is_told_with_the_code_of_its_problem(call, world):
    world.seed_tasks(a_task(RESIZE, status=TaskStatus.FAILED, input=None))
    world.seed_items(an_item(RESIZE, status=TaskStatus.FAILED, lease_until=10**10))
    body = {"kind": "task", "action": "retry", "type": RESIZE.type}

    done = repaired(call, call("POST", "/repairs", body).body)

    assert done["failed"] == [{"id": RESIZE.id, "attempt": 1, "problem": "task_busy"}]
    assert (done["done"], done["left"]) == (0, 0)


@pytest.mark.parametrize("kind", TaskKind)
def test_failed_tasks_are_retried(kind, call, world):
    key = replace(RESIZE, kind=kind)
    world.seed_tasks(a_task(key, status=TaskStatus.FAILED, input=None))
    body = {"kind": "task", "action": "retry", "type": key.type}
    planned = call("POST", "/repairs", body).body

    done = repaired(call, planned, times=2)

    assert [one["id"] for one in planned["items"]] == [key.id]
    assert (done["done"], world.tasks.find(key).attempt) == (1, 2)


def a_failed_task(world, key=RESIZE, error="ThrottlingError", cause="the secret"):
    world.seed_tasks(a_task(key, status=TaskStatus.FAILED))
    failed = {"status": TaskStatus.FAILED, "error": error, "cause": cause}
    world.seed_items(an_item(key, 0, status=TaskStatus.COMPLETED), an_item(key, 1, **failed))


def test_tasks_are_found_by_the_errors_of_their_items(call, world):
    other = replace(RESIZE, ulid="01KAXK3V9Q0M3W8C5R6T7Y8Z9Z")
    a_failed_task(world, cause="too fast\n at line 3")
    a_failed_task(world, other, error="LateError", cause="")
    body = {"kind": "task", "action": "retry", "type": RESIZE.type}

    found = {
        text: [(one["id"], one["error"], one["cause"]) for one in call_for(call, body, text)]
        for text in ("throttling", "too fast", "error", "nothing like it")
    }

    ours, theirs = (RESIZE.id, "ThrottlingError", "too fast"), (other.id, "LateError", "")
    assert found == {
        "throttling": [ours],
        "too fast": [ours],
        "error": [theirs, ours],
        "nothing like it": [],
    }
    assert [set(one) for one in call("POST", "/repairs", body).body["items"]] == [
        {"id", "type", "attempt", "at"}
    ] * 2


def call_for(call, body, text):
    return call("POST", "/repairs", {**body, "error": text}).body["items"]


def test_failed_imports_are_retried_by_jobs_of_their_own(call, world):
    job = Job(key=IMPORT, table="airports", source=SOURCE, by=Audit(AT))
    world.import_jobs.create(job)
    problem = Problem("encoding", "row 3: no UTF-8")
    ending = Ending(JobStatus.FAILED, Counts(), problem=problem)
    world.import_jobs.change(IMPORT, import_job.End(ending))
    body = {"kind": "import", "action": "retry", "error": "utf-8"}
    planned = call("POST", "/repairs", body).body

    done = repaired(call, planned, times=2)

    assert (planned["total"], done["done"]) == (1, 1)
    retried_by = world.import_jobs.find(IMPORT).retried_by
    assert world.import_jobs.find(ImportKey.of("tenant1", retried_by)) is not None
    assert call("POST", "/repairs", body).body["total"] == 0


def test_a_dry_run_that_failed_is_not_planned(call, world):
    job = Job(key=IMPORT, table="airports", source=SOURCE, by=Audit(AT), dry_run=True)
    world.import_jobs.create(job)
    ending = Ending(JobStatus.FAILED, Counts(), problem=Problem("encoding", "row 3: no UTF-8"))
    world.import_jobs.change(IMPORT, import_job.End(ending))

    assert call("POST", "/repairs", {"kind": "import", "action": "retry"}).body["total"] == 0


def a_failed_import(world):
    world.import_jobs.create(Job(key=IMPORT, table="airports", source=SOURCE, by=Audit(AT)))
    problem = Problem("ThrottlingError", "the secret")
    ending = Ending(JobStatus.FAILED, Counts(), problem=problem)
    world.import_jobs.change(IMPORT, import_job.End(ending))


FAILURES = {
    "command": ("retry", lambda world: world.seed(a_failure(item("o-1"), cause="the secret"))),
    "saga": (
        "retry",
        lambda world: world.seed_sagas(
            a_saga(status=SagaStatus.PARKED, error="ThrottlingError", cause="the secret")
        ),
    ),
    "import": ("retry", a_failed_import),
    "task": ("retry", a_failed_task),
}


@pytest.mark.parametrize("kind", FAILURES)
def test_why_something_failed_is_told_to_those_alone_who_may_read_it(
    kind, call, world, monkeypatch
):
    action, fail = FAILURES[kind]
    fail(world)
    handlers.load()
    type_ = {"type": RESIZE.type} if kind == "task" else {}
    body = {"kind": kind, "action": action, "error": "throttling", **type_}
    told = call("POST", "/repairs", body).body
    closed = Access(read=group("hr"))
    for type_ in ("ORDER", "AIRPORT"):
        monkeypatch.setitem(handlers.registry.access, type_, (__name__, closed))
    monkeypatch.setattr(saga_types._types["order-saga"], "access", closed)
    monkeypatch.setitem(
        task_types._types, RESIZE.type, TaskType(RESIZE.type, print, 1, 0, False, closed)
    )

    untold = call("POST", "/repairs", body).body
    again = call("GET", f"/repairs/{told['id']}").body

    assert told["items"][0]["cause"] == "the secret"
    for shown in (untold, again):
        assert shown["items"][0]["error"] == "ThrottlingError"
        assert "secret" not in json.dumps(shown)
    assert call("POST", "/repairs", {**body, "error": "secret"}).body["total"] == 0
    assert untold["total"] == 1


def test_what_aws_is_too_busy_for_is_left_to_another_try_of_the_item(call, world, monkeypatch):
    world.seed(a_failure(item("o-1")), a_failure(item("o-2")))
    planned = call("POST", "/repairs", RETRY).body
    write = world.processes.write

    def refused(key, one):
        if key == item("o-1"):
            raise BusyError("others keep writing")
        return write(key, one)

    monkeypatch.setattr(world.processes, "write", refused)

    with pytest.raises(TransientError):
        repaired(call, planned)
    monkeypatch.setattr(world.processes, "write", write)
    assert world.processes.find(item("o-1"), 1).outcome is Outcome.FAILED


def test_a_list_is_shown_page_by_page(plan, call, world):
    world.seed(*[a_failure(item(f"o-{number:02d}")) for number in range(30)])
    planned = plan()

    path = f"/repairs/{planned['id']}"
    rest = call("GET", path, query={"cursor": planned["nextCursor"], "limit": "100"}).body

    codes = [one["code"] for one in (*planned["items"], *rest["items"])]
    assert codes == [f"o-{number:02d}" for number in range(30)]
    assert "nextCursor" not in rest
    assert call("GET", path, query={"cursor": "-1"}).status == 400
    assert call("GET", path, query={"limit": "0"}).status == 400


def test_a_plan_has_as_many_as_one_task_takes_and_says_that_there_are_more(
    plan, world, monkeypatch
):
    monkeypatch.setattr(service, "MAX_ENTRIES", 20)
    world.seed(*[a_failure(item(f"o-{number:02d}")) for number in range(30)])

    planned = plan()

    assert (planned["total"], planned["isComplete"]) == (20, False)
    rest = plan(after=planned["id"])
    assert (rest["total"], rest["isComplete"]) == (10, True)
    codes = [one["code"] for one in (*planned["items"], *rest["items"])]
    assert codes == [f"o-{number:02d}" for number in range(30)]


def test_a_plan_is_no_larger_than_what_one_task_takes(plan, world, monkeypatch):
    monkeypatch.setattr(service, "MAX_INPUT_BYTES", 5_000)
    monkeypatch.setattr(service, "PER_ITEM", 10)
    world.seed(*[a_failure(item(f"o-{number:03d}")) for number in range(100)])

    planned = plan()

    kept = service.RepairService("tenant1").get(planned["id"]).plan
    assert 20 < planned["total"] < 100
    assert len(json.dumps(service._items(kept))) <= 5_000


@pytest.mark.parametrize("kind", ["command", "saga", "import", "task"])
def test_plan_after_plan_finds_all_however_little_time_each_has(
    kind, call, plan, world, monkeypatch
):
    monkeypatch.setattr(listing, "KEYS_AT_ONCE", 2)
    monkeypatch.setattr(listing.Overtime, "may_go_on", _is_over)
    made = FIVE_FAILURES[kind](world)
    body = {"kind": kind, "action": FAILURES[kind][0]}
    body |= {"type": RESIZE.type} if kind == "task" else {}

    plans = [call("POST", "/repairs", body).body]
    while not plans[-1]["isComplete"] and len(plans) < 20:
        plans.append(plan(**body, after=plans[-1]["id"]))

    found = [one.get("id") or one["code"] for each in plans for one in each["items"]]
    assert sorted(found) == sorted(made)
    assert len(plans) > 2


def _is_over(self):
    self.is_over = True
    return False


def _five_versions(world):
    world.seed(*[a_failure(item(f"o-{n}", tenant)) for n in range(5) for tenant in TENANTS])
    return [f"o-{n}" for n in range(5)]


def _five_sagas(world):
    keys = [replace(ORDERED, ulid=f"01KAXK3V9Q0M3W8C5R6T7Y8Z9{n}") for n in range(5)]
    world.seed_sagas(*[a_saga(key, status=SagaStatus.PARKED) for key in keys])
    return [key.id for key in keys]


def _five_imports(world):
    keys = [replace(IMPORT, ulid=f"01KAXK3V9Q0M3W8C5R6T7Y8Z9{n}") for n in range(5)]
    for key in keys:
        world.import_jobs.create(Job(key=key, table="airports", source=SOURCE, by=Audit(AT)))
        ending = Ending(JobStatus.FAILED, Counts(), problem=Problem("encoding", ""))
        world.import_jobs.change(key, import_job.End(ending))
    return [key.id for key in keys]


def _five_tasks(world):
    kinds = [TaskKind.SINGLE, TaskKind.BATCH] * 3
    keys = [replace(RESIZE, ulid=f"01KAXK3V9Q0M3W8C5R6T7Y8Z9{n}", kind=kinds[n]) for n in range(5)]
    world.seed_tasks(*[a_task(key, status=TaskStatus.FAILED) for key in keys])
    return [key.id for key in keys]


TENANTS = ("tenant1", "tenant2")
FIVE_FAILURES = {
    "command": _five_versions,
    "saga": _five_sagas,
    "import": _five_imports,
    "task": _five_tasks,
}


@pytest.mark.parametrize("until", [{}, {"until": "2027-01-01T00:00:00Z"}], ids=["ever", "later"])
def test_a_plan_after_another_one_means_what_had_failed_when_the_first_was_made(
    until, plan, world, monkeypatch
):
    monkeypatch.setattr(service, "MAX_ENTRIES", 2)
    world.seed(*[a_failure(item(f"o-{number}")) for number in range(3)])
    first = plan(**until)
    world.clock.advance(seconds=1)
    world.seed(a_process(item("o-9")))
    world.processes.write(item("o-9"), Close(1, 1, Outcome.FAILED, "mark_failed:STARTED", "E"))

    rest = plan(after=first["id"], **until)

    assert [one["code"] for one in rest["items"]] == ["o-2"]
    assert rest["isComplete"]
    assert [one["code"] for one in plan(since="2026-11-25T12:00:00Z")["items"]] == ["o-9"]


def test_a_plan_goes_on_after_one_of_its_filter_that_is_not_complete(call, plan, world):
    world.seed(a_failure(item("o-1")))
    complete = plan()["id"]

    answers = [
        call("POST", "/repairs", {**RETRY, "after": complete}),
        call("POST", "/repairs", {**SKIP, "after": complete}),
        call("POST", "/repairs", {**RETRY, "after": "p-01KAXK3V9Q0M3W8C5R6T7Y8Z9A"}),
        call("POST", "/repairs", {**RETRY, "after": complete}, claims=THEIRS),
    ]

    assert [each.status for each in answers] == [400, 400, 404, 404]
    assert {each.body.get("field") for each in answers[:2]} == {"after"}


FEW = 10


class Counted(DynamoDB):
    """A DynamoDB in memory that counts its queries and the items that are read by their keys."""

    def __init__(self):
        super().__init__(TABLES)
        self.counts = Counter()

    def get_item(self, **asked):
        self.counts["read"] += 1
        return super().get_item(**asked)

    def batch_get_item(self, **asked):
        self.counts["read"] += sum(len(one["Keys"]) for one in asked["RequestItems"].values())
        return super().batch_get_item(**asked)

    def query(self, **asked):
        self.counts["query"] += 1
        return super().query(**asked)


def processes_of(dynamodb, *processes):
    for process in processes:
        dynamodb.put_item(
            TableName="CommandsTable", Item=marshal(process_item(process, open_shard(process)))
        )
    return ProcessTable(dynamodb, "CommandsTable", bootstrap.now, Retention.parse(""))


@pytest.mark.parametrize("many", [2_000, pytest.param(100_000, marks=pytest.mark.proof)])
def test_the_failures_of_one_tenant_hide_none_of_another_and_cost_it_no_reads(
    many, plan, monkeypatch
):
    dynamodb = Counted()
    loud = [a_failure(item(f"o-{number:06d}", "loud")) for number in range(many)]
    quiet = [
        a_failure(item(f"o-{number}"), updated_at=f"2026-11-25T11:{number:02d}:00.000Z")
        for number in range(FEW)
    ]
    table = processes_of(dynamodb, *loud, *quiet)
    keys_a_page = many // 25
    monkeypatch.setattr(process_table, "KEYS_A_PAGE", keys_a_page)
    monkeypatch.setattr(routes, "SECONDS", 600)  # the DynamoDB in memory reads item by item

    with bootstrap.override(processes=table):
        planned, everything = plan(), dynamodb.counts.copy()
        later, of_later = plan(since="2026-11-25T11:05:00Z"), dynamodb.counts - everything

    assert [one["code"] for one in planned["items"]] == [f"o-{number}" for number in range(FEW)]
    assert planned["isComplete"]
    assert everything["read"] == FEW
    assert everything["query"] <= many / keys_a_page + len(FAILED_SHARDS)
    assert later["total"] == of_later["read"] == FEW / 2
    assert of_later["query"] == len(FAILED_SHARDS)


def test_a_plan_whose_time_is_over_at_the_end_of_a_page_is_not_complete(plan, monkeypatch):
    monkeypatch.setattr(listing, "KEYS_AT_ONCE", 1)
    monkeypatch.setattr(process_table, "KEYS_A_PAGE", 1)
    has_time = iter([True])
    monkeypatch.setattr(
        listing.Overtime, "may_go_on", lambda self: next(has_time, False) or _is_over(self)
    )
    failures = (a_failure(item(f"o-{number}")) for number in range(100))
    first, second, *_ = [one for one in failures if open_shard(one) == FAILED_SHARDS[0]]

    with bootstrap.override(processes=processes_of(DynamoDB(TABLES), first, second)):
        planned = plan()
        rest = plan(after=planned["id"])

    assert not planned["isComplete"]
    assert [one["code"] for one in planned["items"]] == [first.key.code]
    assert [one["code"] for one in rest["items"]] == [second.key.code]


def test_a_plan_without_anything_cannot_be_started(plan, call, world):
    assert world
    planned = plan()

    answer = call("POST", f"/repairs/{planned['id']}/start")

    assert (answer.status, answer.body["code"]) == (409, "not_failed")


@pytest.mark.usefixtures("world")
def test_a_plan_that_is_not_there_is_not_found(call):
    for id_ in ("p-01KAXK3V9Q0M3W8C5R6T7Y8Z9A", "nothing"):
        assert call("GET", f"/repairs/{id_}").status == 404
        assert call("POST", f"/repairs/{id_}/start").status == 404


def test_failures_are_listed_as_a_plan_would_and_nothing_is_stored(call, monkeypatch):
    failures = [a_failure(item(f"o-{number}")) for number in range(3)]
    late = a_failure(item("o-9", type_="AIRPORT"), updated_at="2026-11-25T12:00:00.000Z")
    others = a_failure(item("o-1", "tenant2"))

    with bootstrap.override(processes=processes_of(DynamoDB(TABLES), *failures, late, others)):
        every = call("GET", "/failures").body
        two = call("GET", "/failures", query={"limit": "2", "kind": "command"}).body
        since = call("GET", "/failures", query={"since": "2026-11-25T11:30:00Z"}).body
        monkeypatch.setattr(routes, "SECONDS", -1)
        hurried = call("GET", "/failures", query={"type": "NOBODYS"}).body
        stored = call("GET", "/repairs").body

    assert [one["code"] for one in every["items"]] == ["o-0", "o-1", "o-2", "o-9"]
    assert (every["isComplete"], every["items"][0]["error"]) == (True, "ThrottlingError")
    assert ([one["code"] for one in two["items"]], two["isComplete"]) == (["o-0", "o-1"], False)
    assert [one["code"] for one in since["items"]] == ["o-9"]
    assert hurried == {"items": [], "isComplete": False}
    assert stored == {"items": []}


@pytest.mark.parametrize(
    ("query", "claims", "status"),
    [
        ({}, {"custom:tenant": "tenant1", "cognito:groups": "[nurse]", "sub": "nina"}, 403),
        ({"kind": "task"}, {}, 400),
        ({"kind": "row"}, {}, 400),
        ({"since": "yesterday"}, {}, 400),
    ],
)
def test_failures_are_for_operators_with_a_filter_that_fits(query, claims, status, call, world):
    assert world

    assert call("GET", "/failures", query=query, claims=claims or None).status == status
