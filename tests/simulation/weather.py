"""Flows through every function, and faults of AWS that any of their calls may meet."""

import json
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from botocore.exceptions import ClientError, ConnectTimeoutError, ReadTimeoutError
from tests.support.airports import two_versions
from tests.support.calls import AwsCall, Observer
from tests.support.declared_orders import declared_orders
from tests.support.granting import granting
from tests.support.import_system import a_file, a_line
from tests.support.orders import NOWHERE
from tests.support.system import SWEEPS, TENANT
from tests.support.whole_system import WholeSystem
from tests.support.zip_system import an_archive
from tests.template.saga_calls import refunds_are_refused

from sfn_cqrs import bootstrap
from sfn_cqrs.machines.approval.service import ApprovalService
from sfn_cqrs.machines.approval.types import Decided
from sfn_cqrs.machines.command.service import CommandService
from sfn_cqrs.machines.task.programs import LEFT

PROMISED_SHARE = 0.04
"""The share of failing calls that every flow survives without a person."""


@dataclass(frozen=True)
class Fault:
    """What a call meets, before it takes effect or after."""

    name: str
    moment: str

    def __str__(self) -> str:
        return f"{self.name} {self.moment}"

    def of(self, call: AwsCall) -> Exception:
        match self.name:
            case "throttled":
                return _refused(call, "ThrottlingException")
            case "in conflict" if call.operation == "TransactWriteItems":
                return _cancelled(call, "None", "TransactionConflict")
            case "in conflict":
                return _refused(call, "TransactionConflictException")
            case "at its limit" if call.operation == "TransactWriteItems":
                return _cancelled(call, "ThrottlingError", "None")
            case "at its limit":
                return _refused(call, "ExecutionLimitExceeded")
            case "out of order":
                return _refused(call, "InternalServerError", 500)
            case "unreachable":
                return ConnectTimeoutError(endpoint_url="https://aws")
        return ReadTimeoutError(endpoint_url="https://aws")


FAULTS = [
    *(Fault(name, "before") for name in ("throttled", "in conflict", "at its limit")),
    *(Fault(name, moment) for name in ("out of order",) for moment in ("before", "after")),
    Fault("unreachable", "before"),
    Fault("unanswered", "after"),
]


def _refused(call: AwsCall, code: str, status: int = 400) -> ClientError:
    answer: Any = {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(answer, call.operation)


def _cancelled(call: AwsCall, *codes: str) -> ClientError:
    reasons = [{"Code": code} for code in codes]
    answer: Any = {
        "Error": {"Code": "TransactionCanceledException"},
        "CancellationReasons": reasons,
    }
    return ClientError(answer, call.operation)


def said_as(given: Any) -> str:
    """A flow by its name, a fault by its own."""
    return getattr(given, "__name__", str(given))


# The flows. Each plays to its end, and then holds what must be, whatever one call has met.


def commands(system: WholeSystem) -> None:
    """Two versions, the second first, and a third on top that its request applies."""
    airport = two_versions(system)
    system.poll()
    system.stream.pending.reverse()
    system.settle()
    airport.publish("Tokyo Narita", mode="sync")
    system.settle()
    airport.assert_complete()


def failures(system: WholeSystem) -> None:
    """A version that fails is retried, fails again, and is skipped; the one behind it heals."""
    system.order("o-9", key="first", attributes=NOWHERE)
    system.order("o-9", key="second", version=1)
    system.settle()
    assert _chain(system) == ["BLOCKED", "FAILED"]
    system.api("POST", "/commands/ORDER/o-9/1/retry")  # which may have been heard before
    system.settle()
    system.api("POST", "/commands/ORDER/o-9/1/skip")
    system.until(lambda: _chain(system) == ["APPLIED", "SKIPPED"])
    assert _chain(system) == ["APPLIED", "SKIPPED"]
    assert system.ask("GET", "/data/ORDER/o-9")["attributes"] == {"customer": "ada"}


def _chain(system: WholeSystem) -> list[str]:
    return [each["outcome"] for each in system.ask("GET", "/commands/ORDER/o-9")["items"]]


def tasks(system: WholeSystem) -> None:
    """A task of three items, one of which fails, and a single one."""
    first = system.remind("a@x.org", "nobody", "b@x.org", key="batch")
    second = system.remind("a@x.org", key="single", is_single=True)
    _tasks_ended(system, first, second)
    assert [each["status"] for each in _task(system, first)["items"]] == [
        "COMPLETED",
        "FAILED",
        "COMPLETED",
    ]
    assert _task(system, first)["items"][1]["error"] == "ValueError"
    assert _task(system, second)["status"] == "COMPLETED"


def _tasks_ended(system: WholeSystem, *ids: str) -> None:
    """Wait for the end of tasks. One is retried whose three attempts all met the weather.

    A delivery of a single task makes a dozen calls. Where a tenth of them and of all answers fails,
    one in four gets through, and an attempt has a few deliveries until the sweep begins the next.
    """
    system.until(lambda: all(_task(system, id_)["status"] in ENDED for id_ in ids))
    for id_ in [each for each in ids if _is_abandoned(system, each)]:
        assert system.share > PROMISED_SHARE, "three attempts were to outlast this weather"
        system.api("POST", f"/tasks/{id_}/retry")  # which may have been heard before
        system.sweep()
        _tasks_ended(system, *ids)


def _is_abandoned(system: WholeSystem, id_: str) -> bool:
    return LEFT in [item.get("error") for item in _task(system, id_)["items"]]


def _task(system: WholeSystem, id_: str) -> dict[str, Any]:
    return system.ask("GET", f"/tasks/{id_}")


def saga(system: WholeSystem) -> None:
    """Orders: shipped; declined; shipped already; and one whose money the bank keeps, parked."""
    sent = {"customer": "ada", "status": "SHIPPED"}
    system.stock(9, mode="sync")
    CommandService(TENANT).publish("ORDER", "sent", name="sent", attributes=sent)
    system.settle()
    orders = (("o-1", "visa"), ("o-2", "declined"), ("sent", "visa"))
    ids = [system.buy(order, card, key=f"saga {order}") for order, card in orders]
    _ended(system, *ids)
    assert [_saga(system, id_) for id_ in ids] == ["COMPLETED", "COMPENSATED", "COMPENSATED"]
    CommandService(TENANT).publish("ORDER", "sent", name="sent", attributes=sent, version=-1)
    system.settle()
    with refunds_are_refused():
        parked = system.buy("sent", key="parked")
        _ended(system, parked)
    assert _saga(system, parked) == "PARKED"
    left = system.ask("GET", "/data/STOCK/BOOK")
    assert left["attributes"] == {"available": 5}  # of the first, and of the one that is parked
    assert system.ask("GET", "/data/PAYMENT/o-1")["attributes"]["status"] == "CHARGED"


def declared_saga(system: WholeSystem) -> None:
    """The same orders by a declared saga."""
    with declared_orders():
        saga(system)


def _ended(system: WholeSystem, *ids: str) -> None:
    """Wait for the end of sagas. What is parked since every try met the weather is retried.

    A step makes up to 14 calls. Where a tenth of all calls and a tenth of all answers fails, after
    botocore's own retries, one try of such a step in twenty gets through, and fifteen may not.
    """
    system.until(lambda: all(_saga(system, id_) in ENDED for id_ in ids))
    for id_ in [each for each in ids if _is_worn_out(system, each)]:
        assert system.share > PROMISED_SHARE, "the retries were to outlast this weather"
        system.api("POST", f"/sagas/{id_}/retry")  # which may have been heard before
        _ended(system, *ids)


def _is_worn_out(system: WholeSystem, id_: str) -> bool:
    found = system.ask("GET", f"/sagas/{id_}")
    return (found["status"], found.get("error")) == ("PARKED", "TransientError")


def _saga(system: WholeSystem, id_: str) -> str:
    return str(system.ask("GET", f"/sagas/{id_}")["status"])


def approvals(system: WholeSystem) -> None:
    """One is granted, one rejected, one expires: each is done once. One fails, one is stale."""
    codes = ("o-1", "o-2", "o-3", "bad", "moved")
    for code in codes:
        system.order(code, key=code)
    ids = [system.ask_release(code, key=f"release {code}") for code in codes]
    system.settle()
    system.order("moved", key="changed", name="changed", version=1)
    system.settle()
    with granting(_fails_if_bad):
        for id_, verb in ((ids[0], "approve"), (ids[1], "reject"), (ids[3], "approve")):
            _decide(system, id_, verb)
        _decide(system, ids[4], "approve")
        system.pass_time(8 * 24 * 3600)
        system.until(
            lambda: all(_approval(system, id_)["stage"] in ("DONE", "FAILED") for id_ in ids)
        )
        system.settle()
    ended = [_approval(system, id_) for id_ in ids]
    assert [(each["status"], each["stage"]) for each in ended] == [
        ("GRANTED", "DONE"),
        ("REJECTED", "DONE"),
        ("EXPIRED", "DONE"),
        ("GRANTED", "FAILED"),
        ("STALE", "DONE"),
    ]
    rows = [system.ask("GET", f"/data/ORDER/{code}") for code in codes[:3]]
    assert [(row["attributes"]["release"], row["version"]) for row in rows] == [
        ("released", 2),
        ("held: rejected", 2),
        ("held: expired", 2),
    ]


def links(system: WholeSystem) -> None:
    """An order is released by somebody who has a link, and no token."""
    system.order(key="order")
    id_ = system.ask_release(key="release o-1")
    system.settle()
    link = ApprovalService(TENANT).link(id_, "hanako", ["operator"], base_url="")
    assert "Approve" in system.open(link)
    path, _, token = link.partition("?token=")
    told = system.open(path, token=token, decision="approve")
    assert "It is granted." in told or "GRANTED already" in told, told
    system.until(lambda: _approval(system, id_)["stage"] == "DONE")
    system.settle()
    assert system.ask("GET", "/data/ORDER/o-1")["attributes"]["release"] == "released"
    assert "openapi.json" in system.open("/docs")


def _decide(system: WholeSystem, id_: str, verb: str) -> None:
    status, answer = system.decide(id_, verb)
    assert status == 200 or answer["code"] in ("already_decided", "stale"), answer


def _fails_if_bad(decided: Decided) -> None:
    if decided.subject == "bad":
        raise ValueError("the warehouse is closed")


def _approval(system: WholeSystem, id_: str) -> dict[str, Any]:
    return system.ask("GET", f"/approvals/{id_}")


def imports(system: WholeSystem) -> None:
    """A file by the machine, whose second row fails; the same as ASYNC rows; a single row."""
    rows = [a_line("RJAA"), a_line("RJTT", lat="x"), a_line("RJBB"), a_line("RJFF")]
    first = system.import_file(*rows)
    system.until(lambda: _import(system, first)["status"] in ENDED)
    again = [a_line("RJAA", "Narita"), a_line("RJCC", "Chitose")]
    second = system.import_file(*again, publishMode="ASYNC")
    third = system.import_row()
    system.until(lambda: all(_import(system, each)["status"] in ENDED for each in (second, third)))
    system.settle()
    assert _counted(system, first) == (3, 1)
    assert _counted(system, second) == (2, 0)
    assert _import(system, third)["status"] == "COMPLETED"
    listed = system.ask("GET", "/data", query="type=AIRPORT")
    assert [each["code"] for each in listed["items"]] == ["RJAA", "RJBB", "RJCC", "RJFF", "RJOO"]
    assert {each["version"] for each in listed["items"]} == {1}


def _import(system: WholeSystem, id_: str) -> dict[str, Any]:
    return system.ask("GET", f"/imports/{id_}")


def _counted(system: WholeSystem, id_: str) -> tuple[int, int]:
    """The good and the bad rows; a request that is sent again makes a job that finds them there."""
    found = _import(system, id_)
    return found["created"] + found["unchanged"], found["failed"]


def archives(system: WholeSystem) -> None:
    """An archive that is put into the bucket: both its files are imported, and a hook is told."""
    files = (("a.csv", a_file([a_line("RJAA")])), ("b.csv", a_file([a_line("RJTT", lat="x")])))
    key = "uploads/tenant1/auto/airports/a.zip"
    body = an_archive(*files)
    bucket = system.template.environment["IMPORT_BUCKET"]
    put = system.clients["s3"].put_object(Bucket=bucket, Key=key, Body=body)
    detail = {"object": {"key": key, "version-id": put["VersionId"]}}
    event = {"detail-type": "Object Created", "source": "aws.s3", "detail": detail}
    system.invoke_async("EventOnFileUploadedFunction", json.dumps(event).encode())
    system.until(lambda: not system.unsettled())
    (archive,) = system.archives.list().items
    found = system.ask("GET", f"/imports/{archive.job.key.id}")
    assert (found["status"], found["created"], found["failed"]) == ("FAILED", 1, 1)
    assert [each["status"] for each in found["files"]] == ["COMPLETED", "FAILED"]
    told = bootstrap.read_model("deliveries").rows(TENANT, "archives")
    assert [(each["applied"], each["failed"]) for each in told] == [(1, 1)]


def nothing_starts(system: WholeSystem) -> None:
    """The sweep starts one of each kind whose record the stream has lost."""
    system.stock()
    system.settle()
    for stream in system.consumers.values():
        stream.dropped = lambda _: True
    system.order(key="command")
    task_id = system.remind("a@x.org", key="task")
    saga_id = system.buy("o-7", key="saga")
    approval_id = system.ask_release(key="approval")
    import_id = system.import_file(a_line("RJAA"))
    zip_id = system.import_archive(a_line("RJAA"))
    for _ in range(5):
        system.sweep()
    for stream in system.consumers.values():
        stream.dropped = lambda _: False
    _decide(system, approval_id, "approve")
    system.until(
        lambda: (
            not system.unsettled()
            and _task(system, task_id)["status"] in ENDED
            and _approval(system, approval_id)["stage"] == "DONE"
        )
    )
    _ended(system, saga_id)
    system.settle()
    assert _task(system, task_id)["status"] == "COMPLETED"
    assert _saga(system, saga_id) == "COMPLETED"
    assert _approval(system, approval_id)["status"] == "GRANTED"
    assert {_import(system, each)["status"] for each in (import_id, zip_id)} == {"COMPLETED"}
    assert system.ask("GET", "/data/ORDER/o-1")["attributes"]["release"] == "released"


def live(system: WholeSystem) -> None:
    """Who may read an order hears how its version ends; nobody of another tenant does."""
    channels = {code: f"/live/tenant1/command/ORDER/{code}" for code in ("o-1", "o-2", "o-3")}
    for code, channel in channels.items():
        assert system.subscribe(channel) == ""
        assert system.subscribe(channel, tenant="tenant2").startswith("forbidden: ")
        system.order(code, key=code)
    system.settle()
    for channel in channels.values():
        system.until(lambda channel=channel: "APPLIED" in _heard(system, channel))
        assert set(_heard(system, channel)) == {"APPLIED"}


def _heard(system: WholeSystem, channel: str) -> list[str]:
    told = system.channels.told.get(channel, [])
    return [each["content"]["outcome"] for each in told]


def rebuild(system: WholeSystem) -> None:
    """A read model is rebuilt while a version and an import come; switched to; the old one goes."""
    path, airports = "/rebuilds/airports_by_icao", ("RJAA", "RJTT")
    for code in airports:
        _airport(system, code, 0)
    system.settle()
    assert system.api("POST", path, {})[0] in (202, 409)
    _airport(system, "RJAA", 1)
    import_id = system.import_file(a_line("RJBB"), a_line("RJFF"))
    system.until(lambda: _import(system, import_id)["status"] in ENDED)
    system.settle()
    system.until(lambda: _rebuild_at(system, "READY"))
    system.until(lambda: _stepped(system, "compare") == "COMPARING")  # now that nobody writes
    system.until(lambda: _rebuild_at(system, "READY"))
    found = system.ask("GET", path)
    assert found["compared"] == {"equal": 4, "onlyOne": 0, "different": 0}
    assert found["replayed"]["failed"] == 0
    system.until(lambda: _stepped(system, "switch") == "SWITCHED")
    system.pass_time(120)
    system.until(lambda: _stepped(system, "drop") in ("DROPPING", "SERVING"))
    system.until(lambda: _rebuild_at(system, "SERVING"))
    assert system.ask("GET", path)["serving"] == 2
    rows = system.ask("GET", "/read-models/airports_by_icao/airports")["items"]
    assert {each["sort"]: each["row"]["version"] for each in rows} == {
        "RJAA": 2,
        "RJBB": 1,
        "RJFF": 1,
        "RJTT": 1,
    }


def _airport(system: WholeSystem, code: str, version: int) -> None:
    airport = {"type": "AIRPORT", "code": code, "name": code, "version": version}
    given = {**airport, "attributes": {"country": "JP", "n": version}}
    system.ask("POST", "/commands", given, key=f"{code} {version}")


def _rebuild_at(system: WholeSystem, stage: str) -> bool:
    found = system.ask("GET", "/rebuilds/airports_by_icao")
    if found.get("progress", {}).get("hasStopped"):
        system.api("POST", "/rebuilds/airports_by_icao/resume")
    return bool(found["stage"] == stage)


def _stepped(system: WholeSystem, step: str) -> str:
    """Ask for a step, which may have been heard before; answers the stage."""
    system.api("POST", f"/rebuilds/airports_by_icao/{step}", {} if step == "switch" else None)
    return str(system.ask("GET", "/rebuilds/airports_by_icao")["stage"])


def standard_commands(system: WholeSystem) -> None:
    """The same commands without the express lane."""
    os.environ["EXPRESS_LANE"] = "disabled"
    commands(system)


def standard_failures(system: WholeSystem) -> None:
    """The same failures without the express lane."""
    os.environ["EXPRESS_LANE"] = "disabled"
    failures(system)


ENDED = ("COMPLETED", "FAILED", "CANCELLED", "COMPENSATED", "PARKED")
FLOWS: list[Callable[[WholeSystem], None]] = [
    commands,
    failures,
    standard_commands,
    standard_failures,
    tasks,
    saga,
    declared_saga,
    approvals,
    links,
    imports,
    archives,
    nothing_starts,
    live,
    rebuild,
]


Place = tuple[str, int, str]
"""A call of a function: the how manieth it is, and of which operation."""
Said = tuple[str, str]
"""What an invocation of a function said: its error, a status, "again" or "done"."""
AGAIN = {"TransientError", "again", "503"}
"""How a function asks to be run again."""
MOST_ROUNDS = 64


@dataclass
class Weather:
    """Each call of every function meets one fault, once; its function then has to run again.

    Of functions that have few tries, only some calls do in one round, and others in the next.
    """

    fault: Fault
    met: set[Place] = field(default_factory=set)
    calls: list[AwsCall] = field(default_factory=list)

    def observe(self, call: AwsCall, moment: str) -> None:
        """Observe a call, and let it meet the fault.

        Raises:
            ClientError, BotoCoreError: what it meets.
        """
        place = (call.function, call.number, call.operation)
        if moment != self.fault.moment or place in self.met:
            return
        tries = FEW_TRIES.get(call.function)
        if (
            tries is not None
            and [each.function for each in self.calls].count(call.function) >= tries
        ):
            return
        self.met.add(place)
        self.calls.append(call)
        raise self.fault.of(call)


FEW_TRIES = {
    "ImportCsvCsvRowsHandlerFunction": 4,
    "QueueOnImportActionFunction": 4,
    "QueueOnTaskActionFunction": 3,
    "EventOnFileUploadedFunction": 2,
    **dict.fromkeys(SWEEPS, 8),  # and half an hour of sweeps that fail is too long
}
"""How many calls of a function meet the fault in one round."""


def weathered(
    flow: Callable[[WholeSystem], None], fault: Fault, rounds: int = MOST_ROUNDS
) -> set[Said]:
    """Play a flow in bad weather, again and again until each of its calls has met the fault.

    Answers what the functions whose calls met it said then.

    Raises:
        AssertionError: the flow does not end as on a good day, or there are calls left for more
            rounds than there may be.
    """
    weather = Weather(fault)
    said: set[Said] = set()
    for _ in range(rounds):
        weather.calls.clear()
        outcomes = _played(flow, weather.observe)
        said |= {
            (call.function, outcomes[call.function, call.invocation]) for call in weather.calls
        }
        if not weather.calls:
            break
    else:
        assert rounds < MOST_ROUNDS, f"after {rounds} rounds, calls have not met the fault"
    return said


@cache
def good_day(flow: Callable[[WholeSystem], None]) -> frozenset[Said]:
    """What the functions say of their own accord; bad weather may bring a sweep into any flow."""

    def swept(system: WholeSystem) -> None:
        flow(system)
        system.sweep()

    outcomes = _played(swept, lambda _call, _moment: None)
    return frozenset((function, said) for (function, _), said in outcomes.items())


def unheard_of(flow: Callable[[WholeSystem], None], said: set[Said]) -> set[Said]:
    """What functions said that neither asks for another run nor is said on a good day."""
    return {each for each in said if each[1] not in AGAIN} - good_day(flow)


def _played(flow: Callable[[WholeSystem], None], observer: Observer) -> dict[tuple[str, int], str]:
    with WholeSystem(batch=2) as system:
        system.calls.observers.append(observer)
        flow(system)
        assert system.given_up() == []
        return dict(system.heard.outcomes)
