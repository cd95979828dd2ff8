"""Every alarm has a drill that makes it fire, and tells nobody on a quiet day."""

import re
from dataclasses import replace

import pytest
from tests.drills.cloudwatch import MINUTE, Alarm, CloudWatch
from tests.drills.machines import FAULTS, failing
from tests.drills.scenes import lost, play
from tests.drills.stack import Stack
from tests.drills.table import HEADER, Drills, Row, alarms, drilled, quiet, template
from tests.support.import_system import a_line
from tests.support.orders import NOWHERE
from tests.support.proof import deep, sampled
from tests.support.system import ROOT, silent

PAGE = (ROOT / "docs/drills.md").read_text(encoding="utf-8")
LINE = r"^(\| (?!alarm|---).*)\| (\d+) minutes? \|$"
LANES = ("command", "command-express")
AGES = [name for name, each in alarms().items() if "InsufficientDataActions" in each.properties]


@pytest.fixture(scope="module")
def rows() -> list[Row]:
    return drilled()


@pytest.mark.parametrize("name", alarms())
def test_an_alarm_fires_at_each_of_its_faults(name: str, rows: list[Row]) -> None:
    of_it = [row for row in rows if row.alarm == name]

    assert of_it
    assert [row for row in of_it if row.after is None] == []


@pytest.mark.parametrize("hours", sampled([1, deep(6, 24)], 1))
def test_on_a_quiet_day_from_the_first_deploy_on_nobody_is_told(hours: int) -> None:
    assert quiet(hours) == []


def test_the_page_has_the_table(rows: list[Row]) -> None:
    documented = {name: int(minutes) for name, minutes in re.findall(LINE, PAGE, re.M)}
    told = [row for row in rows if _of(row) in documented]

    assert HEADER in PAGE
    assert [_of(row) for row in told] == list(documented)
    for row in told:  # jitter and threads move a retry, and with it the alarm, by some seconds
        assert row.after is not None
        assert abs(row.after - documented[_of(row)]) <= 1, row
    missing = [row for row in rows if _of(row) not in documented]
    assert {alarms()[row.alarm].metric["MetricName"] for row in missing} <= FAULTS.keys()


def _of(row: Row) -> str:
    return str(row).rpartition("|")[0].rpartition("|")[0]


def test_an_alarm_that_nothing_is_known_to_set_off_has_no_drill() -> None:
    new = Alarm("NewAlarm", {"MetricName": "Unheard", "Namespace": "AWS/Lambda"})

    with pytest.raises(LookupError, match="NewAlarm has no drill"):
        list(Drills(Stack()).rows(new))


@pytest.mark.parametrize("minutes", [1, 4])
def test_that_postgresql_fails_over_is_no_alarm(minutes: int) -> None:
    with silent(), Stack() as stack:
        scene = lost(minutes)
        play(stack, scene)
        alarm = an_alarm("PostgresFailuresAlarm")

        assert stack.watch.within(alarm.metric, scene.begin, scene.end)
        assert not any(alarm.told(stack.watch, scene.begin, scene.end))
        assert not any(process.outcome.is_open for process in stack.processes())


def an_alarm(name: str, **changes: object) -> Alarm:
    alarm = alarms()[name]
    return replace(alarm, properties={**alarm.properties, **changes})


def test_an_alarm_on_another_machine_does_not_fire() -> None:
    region = failing(template().machines["approval"])
    end = region.begin + 10 * MINUTE

    assert any(an_alarm("ApprovalExecutionsFailedAlarm").told(region.watch, region.begin, end))
    assert not any(an_alarm("OrderSagaExecutionsFailedAlarm").told(region.watch, region.begin, end))
    too_high = an_alarm("ApprovalExecutionsFailedAlarm", Threshold=6)
    assert not any(too_high.told(region.watch, region.begin, end))


def commands(failed: tuple[int, int], started: tuple[int, int]) -> CloudWatch:
    """Minutes in which so many executions of each lane failed, and so many began."""
    watch, arns = CloudWatch(), [template().machines[each].arn for each in LANES]
    for metric, counts in (("ExecutionsFailed", failed), ("ExecutionsStarted", started)):
        for arn, count in zip(arns, counts, strict=True):
            if count:
                watch.put(0, "AWS/States", metric, count, StateMachineArn=arn)
    return watch


@pytest.mark.parametrize(
    ("failed", "started", "state"),
    [
        ((4, 0), (4, 0), "OK"),
        ((0, 4), (0, 4), "OK"),
        ((5, 0), (0, 0), "ALARM"),
        ((0, 5), (0, 5), "ALARM"),
        ((3, 2), (10, 490), "ALARM"),
        ((3, 2), (10, 491), "OK"),  # the standard lane alone would have thirty percent
        ((0, 0), (0, 5), "OK"),
        ((0, 0), (0, 0), "OK"),
    ],
)
def test_that_commands_fail_is_an_alarm_from_five_and_one_of_a_hundred_on(
    failed: tuple[int, int], started: tuple[int, int], state: str
) -> None:
    alarm = an_alarm("CommandExecutionsFailedAlarm")

    assert alarm.state(commands(failed, started), 15 * MINUTE) == state


def answers(api: str, asked: int, **others: int) -> CloudWatch:
    """Three periods of an API's requests."""
    watch = CloudWatch()
    for period in range(3):
        for metric, count in {"Count": asked, **others}.items():
            watch.put(300 * period, "AWS/ApiGateway", metric, count, ApiId=api)
    return watch


@pytest.mark.parametrize(
    ("name", "asked", "answered", "state"),
    [
        ("ApiServerErrorsAlarm", 500, {"5xx": 5}, "ALARM"),
        ("ApiServerErrorsAlarm", 501, {"5xx": 5}, "OK"),
        ("ApiServerErrorsAlarm", 4, {"5xx": 4}, "OK"),
        ("ApiServerErrorsAlarm", 60_000, {"5xx": 5}, "OK"),
        ("ApiServerErrorsAlarm", 60_000, {}, "OK"),
        ("ApiRefusalsAlarm", 20, {"4xx": 20}, "ALARM"),
        ("ApiRefusalsAlarm", 20, {"4xx": 10}, "ALARM"),
        ("ApiRefusalsAlarm", 20, {"4xx": 9}, "OK"),
        ("ApiRefusalsAlarm", 19, {"4xx": 19}, "OK"),
        ("ApiRefusalsAlarm", 60_000, {"4xx": 3_000}, "OK"),
        ("ApiRefusalsAlarm", 20, {}, "OK"),
    ],
)
def test_the_apis_alarms_look_at_shares_of_enough_requests(
    name: str, asked: int, answered: dict[str, int], state: str
) -> None:
    alarm = an_alarm(name)
    _, api = alarm.dimension

    assert alarm.state(answers(api, asked, **answered), 15 * MINUTE) == state


def test_that_the_api_refuses_for_less_than_a_quarter_of_an_hour_is_no_alarm() -> None:
    alarm = an_alarm("ApiRefusalsAlarm")
    _, api = alarm.dimension
    watch = answers(api, 20, **{"4xx": 20})

    assert alarm.state(watch, 10 * MINUTE) == "OK"
    assert alarm.state(watch, 20 * MINUTE) == "OK"


HANDLERS, TASKS = "CommandSyncDataFunction", "TaskIteratorFunction"


def versions(counts: dict[tuple[str, str], int], version: str = "1") -> CloudWatch:
    """Five minutes of functions behind the alias: how often each metric was counted."""
    watch = CloudWatch()
    for (metric, logical_id), count in counts.items():
        name = template().name(logical_id)
        of_it = {"FunctionName": name, "Resource": f"{name}:live", "ExecutedVersion": version}
        watch.put(0, "AWS/Lambda", metric, count, **of_it)
    return watch


@pytest.mark.parametrize(
    ("errors", "invoked", "state"),
    [
        ({HANDLERS: 1}, 1, "ALARM"),  # one command comes while the canary runs, and it fails
        ({TASKS: 1}, 0, "ALARM"),
        ({HANDLERS: 1}, 100, "ALARM"),
        ({HANDLERS: 1}, 101, "OK"),
        ({HANDLERS: 6, TASKS: 5}, 1_101, "OK"),
        ({HANDLERS: 6, TASKS: 5}, 1_100, "ALARM"),
        ({}, 1_000, "OK"),
    ],
)
def test_one_failure_of_a_new_version_stops_a_deploy_unless_a_hundred_went_well(
    errors: dict[str, int], invoked: int, state: str
) -> None:
    alarm = an_alarm("DeployErrorsAlarm")
    counts = {("Errors", name): count for name, count in errors.items()}
    if invoked:
        counts["Invocations", HANDLERS] = invoked

    assert alarm.state(versions(counts), 5 * MINUTE) == state


def test_what_fails_in_the_old_version_stops_no_deploy() -> None:
    failed = {("Errors", HANDLERS): 50, ("Invocations", HANDLERS): 50}

    assert an_alarm("DeployErrorsAlarm").state(versions(failed, "0"), 5 * MINUTE) == "OK"


def test_bad_rows_of_one_tenant_call_nobody() -> None:
    with silent(), Stack() as stack:
        begin = stack.clock.time()
        for nth in range(6):
            job = stack.import_file(a_line("RJAA", f"Narita {nth}"), a_line("RJTT", lat="n"))
            stack.run()

            assert stack.ask("GET", f"/imports/{job}")["status"] == "FAILED"
        assert told(stack, begin) == []


def test_one_version_that_fails_calls_nobody_however_many_are_blocked_behind_it() -> None:
    with silent(), Stack() as stack:
        begin = stack.clock.time()
        for nth in range(10):
            attributes = {"customer": f"customer {nth}"} if nth else NOWHERE
            stack.order(version=-1, attributes=attributes, key=f"v{nth}")
        stack.run()

        outcomes = [process.outcome for process in stack.processes()]
        assert sorted(map(str, outcomes)) == ["BLOCKED"] * 9 + ["FAILED"]
        assert told(stack, begin) == []


def told(stack: Stack, begin: float) -> list[str]:
    """The alarms that somebody is told of, within an hour in which every sweep runs."""
    for _ in range(12):
        stack.sweep_all(5 * MINUTE)
    stack.tell_queues()
    end = stack.clock.time()
    return [name for name, alarm in alarms().items() if any(alarm.told(stack.watch, begin, end))]


@pytest.mark.parametrize("name", AGES)
def test_an_age_that_is_not_reported_is_told_once_it_was(name: str) -> None:
    alarm, watch = an_alarm(name), CloudWatch()
    assert not any(alarm.told(watch, 0, 60 * MINUTE))

    service = dict(alarm.dimensions)["service"]
    for minute in range(0, 30 * MINUTE, MINUTE):
        watch.put(minute, "sfn-cqrs", alarm.metric["MetricName"], 0, service=service)

    told = [state for _, state in alarm.told(watch, 0, 60 * MINUTE)]
    assert told == ["INSUFFICIENT_DATA"]
