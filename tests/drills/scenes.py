"""Which fault makes which alarm fire: one scene of the stack for each kind of metric."""

import json
from collections.abc import Callable
from contextlib import suppress
from copy import deepcopy
from dataclasses import dataclass
from functools import partial
from typing import Any

from botocore.exceptions import ClientError
from tests.drills.cloudwatch import MINUTE
from tests.drills.stack import Stack
from tests.support.calls import AwsCall
from tests.support.import_system import a_file, a_line
from tests.support.orders import NOWHERE
from tests.support.system import API, SWEEPS

from sfn_local import FunctionError

UPLOADED = "EventOnFileUploadedFunction"
SUBSCRIBED = "LiveOnSubscribeFunction"
RELEASED = "CommandSyncDataFunction"
AUDITED = "ScheduleAuditSampleFunction"
HOUR = 60 * MINUTE
DAY = 24 * HOUR
BUSY = 12 * MINUTE
LONG = 40 * MINUTE
REFUSED = 17 * MINUTE
FOR_GOOD = 12 * HOUR
"""Longer than seventeen receives take."""
ORDER = {"type": "ORDER", "name": "o", "attributes": {"customer": "ada"}}


@dataclass
class Scene:
    """A fault in words, what injects it, and of which state it tells; and when it was played."""

    fault: str
    inject: Callable[[Stack], None]
    tells: str = "ALARM"
    begin: float = 0.0
    since: float = 0.0
    end: float = 0.0


def play(stack: Stack, scene: Scene) -> None:
    """Let a scene happen, and then let the stack come to rest, and a quiet hour pass."""
    scene.begin = scene.since = stack.clock.time()
    scene.inject(stack)
    scene.since = stack.fault_at or scene.begin
    stack.tell_queues()
    scene.end = stack.clock.time() + 10 * MINUTE
    stack.calm()
    stack.engine.run_for(HOUR)


# What is asked of the stack so that a function has work.


def _command(stack: Stack, **more: Any) -> None:
    stack.order(f"n-{stack.clock.time()}", **more)


def _approval(stack: Stack) -> None:
    stack.order(version=-1)
    stack.run()
    stack.ask_release()


def _saga(stack: Stack) -> None:
    stack.buy(f"n-{stack.clock.time()}")


def _file(stack: Stack) -> None:
    stack.import_file(a_line("RJAA"))


def _archive(stack: Stack) -> None:
    stack.import_archive(a_line("RJAA"))


def _task(stack: Stack) -> None:
    stack.remind("a@x.org")


WORK: dict[str, Callable[[Stack], object]] = {
    "StreamOnProcessChangedFunction": _command,
    "StreamOnTaskChangedFunction": _task,
    "StreamOnImportChangedFunction": _file,
    "StreamOnApprovalChangedFunction": _approval,
    "StreamOnSagaChangedFunction": _saga,
    "QueueOnTaskActionFunction": _task,
    "QueueOnImportActionFunction": Stack.import_row,
    "QueueOnNotificationFunction": _command,
    "QueuePublishLiveFunction": _command,
    "QueueDigestFailuresFunction": partial(_command, attributes=NOWHERE),
}
"""What gives each consumer something to do."""
CALL_NOTHING = ("QueueOnNotificationFunction", "QueuePublishLiveFunction")
"""Consumers that call nothing by boto3: handlers of the user's, and AppSync."""


# The scenes.


def given_work(function: str, fault: str, seconds: float) -> Callable[[Stack], None]:
    """Let a consumer have a fault for some time, and something to do."""

    def inject(stack: Stack) -> None:
        getattr(stack, fault)[function] = stack.clock.time() + seconds
        WORK[function](stack)
        stack.run()

    return inject


def busy(function: str, seconds: float = BUSY) -> Scene:
    fault = f"whatever the consumer calls is throttled, for {seconds // MINUTE} minutes"
    return Scene(fault, given_work(function, "busy", seconds))


def broken(function: str, seconds: float = BUSY) -> Scene:
    fault = f"the consumer raises, for {seconds // MINUTE} minutes"
    return Scene(fault, given_work(function, "broken", seconds))


def refused(function: str, seconds: float = REFUSED) -> Scene:
    lasts = "for good" if seconds == FOR_GOOD else f"for {seconds // MINUTE} minutes"
    fault = f"Lambda refuses to invoke the consumer, {lasts}"
    return Scene(fault, given_work(function, "refused", seconds))


def _sweeps_fail(stack: Stack) -> None:
    for _ in range(4):
        stack.sweep_all()
    stack.fault_at = stack.clock.time()
    stack.busy = dict.fromkeys(SWEEPS, stack.clock.time() + HOUR)
    for _ in range(25):
        stack.sweep_all()


def _uploads_fail(stack: Stack) -> None:
    stack.busy[UPLOADED] = stack.clock.time() + HOUR
    key = "uploads/tenant1/auto/airports/a.csv"
    bucket = stack.template.environment["IMPORT_BUCKET"]
    stack.clients["s3"].put_object(Bucket=bucket, Key=key, Body=a_file([a_line("RJAA")]))
    event = {"detail-type": "Object Created", "detail": {"object": {"key": key}}}
    for _ in range(3):
        stack.invoke_async(UPLOADED, json.dumps(event).encode())
        stack.run()
        stack.engine.run_for(4 * MINUTE)


def _subscribing_fails(stack: Stack) -> None:
    """A client asks three times in ten minutes."""
    stack.broken[SUBSCRIBED] = stack.clock.time() + HOUR
    for _ in range(3):
        with suppress(FunctionError):
            stack.lambdas.invoke(stack.lambdas.find(SUBSCRIBED).name, b"{}")
        stack.engine.run_for(4 * MINUTE)


def _no_item(stack: Stack) -> None:
    _command(stack)
    stack.poll()
    (record, *_) = stack.stream.pending
    broken = deepcopy(record)
    broken["dynamodb"]["NewImage"].pop("version")
    stack.stream.pending = [broken]
    stack.run()


def api_fails(api: str) -> Scene:
    """The function behind one of the APIs fails."""

    def inject(stack: Stack) -> None:
        stack.api_asked = api
        stack.busy[API] = stack.clock.time() + MINUTE
        for nth in range(5):
            stack._answered("POST", "/commands", {**ORDER, "code": f"f-{nth}"})
        stack.api_asked = "HttpApi"

    return Scene("whatever the API's function calls is throttled; five requests", inject)


def _nothing_starts(stack: Stack) -> None:
    """One of each kind is asked for, and swept while new, and an hour, six hours and a day old."""

    def refuse(call: AwsCall, moment: str) -> None:
        if moment == "before" and call.operation == "StartExecution":
            answer: Any = {"Error": {"Code": "ExecutionLimitExceeded"}}
            raise ClientError(answer, call.operation)

    for stream in stack.consumers.values():
        stream.dropped = lambda _: True
    for ask in (_command, _task, _saga, _approval, _file, _archive):
        ask(stack)
    stack.run()
    stack.calls.observers.append(refuse)
    stack.fault_at = stack.clock.time()
    for passes in (0, 20 * MINUTE, 4.5 * HOUR, 17.5 * HOUR):
        stack.engine.run_for(passes)
        for _ in range(6):
            stack.tell_sweeps()
            stack.engine.run_for(5 * MINUTE)
    stack.calls.observers.remove(refuse)
    for stream in stack.consumers.values():
        stream.dropped = lambda _: False


def _damaged(stack: Stack) -> None:
    """Change a data row behind the framework's back."""
    _command(stack)
    stack.run()
    client, table = stack.clients["dynamodb"], stack.template.environment["DATA_TABLE"]
    row = client.scan(TableName=table)["Items"][-1]
    client.put_item(TableName=table, Item={**row, "command_id": {"S": "another"}})
    stack.fault_at = stack.clock.time()
    stack.invoke(AUDITED, {"source": "aws.events", "detail": {"sample": "1/1"}})
    client.put_item(TableName=table, Item=row)


def _nobody_repairs(stack: Stack) -> None:
    _command(stack, attributes=NOWHERE)
    stack.run()
    stack.fault_at = stack.clock.time()
    for _ in range(60):
        stack.sweep_all(5 * MINUTE)


def lost(minutes: int) -> Scene:
    """Nobody reaches PostgreSQL for a while."""

    def inject(stack: Stack) -> None:
        stack.lost_until = stack.clock.time() + minutes * MINUTE
        _command(stack)
        stack.run()

    return Scene(f"nobody reaches PostgreSQL for {minutes} minutes; one order", inject)


def _release_fails(stack: Stack) -> None:
    stack.broken[RELEASED] = stack.clock.time() + BUSY
    stack.order("released")
    stack.run()


def aws_says(fault: str, metrics: str, value: float, **dimensions: str) -> Scene:
    """AWS tells of what no function of ours has a part in: values a minute, twenty minutes long.

    Metrics of a namespace have commas between them; a dimension's value is a logical id.
    """
    namespace, _, names = metrics.rpartition("/")

    def inject(stack: Stack) -> None:
        named = {key: stack.template.resolve({"Ref": one}) for key, one in dimensions.items()}
        for _ in range(20):
            for name in names.split(","):
                stack.put(namespace, name, value, **named)
            stack.engine.run_for(MINUTE)

    return Scene(fault, inject)


NOTHING_STARTS = Scene(
    "Step Functions starts nothing, and the streams' records are lost", _nothing_starts
)
SWEEPS_FAIL = Scene("whatever the sweeps call is throttled", _sweeps_fail)
UPLOADS_FAIL = Scene("whatever the function calls is throttled; three uploads", _uploads_fail)
SUBSCRIBING_FAILS = Scene(
    "the function raises; somebody subscribes every four minutes", _subscribing_fails
)
NO_ITEM = Scene("a record of the stream is not an item of its table", _no_item)
DAMAGED = Scene("a data row is not what its version says, and an audit comes by", _damaged)
UNREPAIRED = Scene("a version fails, and nobody repairs it", _nobody_repairs)
AURORA = aws_says(
    "RDS says 100 % for twenty minutes",
    "AWS/RDS/ACUUtilization",
    100,
    DBClusterIdentifier="PostgresCluster",
)
API_IS_SLOW = aws_says(
    "each request takes six seconds, for twenty minutes",
    "AWS/ApiGateway/Latency",
    6_000,
    ApiId="HttpApi",
)
API_REFUSES = aws_says(
    "no token is accepted, of four requests a minute, for twenty minutes",
    "AWS/ApiGateway/4xx,Count",
    4,
    ApiId="HttpApi",
)
TABLE_IS_BUSY = aws_says(
    "DynamoDB throttles thirty writes a minute, for twenty minutes",
    "AWS/DynamoDB/WriteThrottleEvents",
    30,
    TableName="CommandsTable",
)
RELEASE_FAILS = Scene(
    "the new version of the function that runs handlers raises; one command", _release_fails
)
LOST = lost(20)
