"""What a command costs and how fast it is, through the whole local stack.

Counted is version 2 of an item that need not wait, whose type has one handler, from the HTTP call
to the closed notice; then a chain of two versions published back to back. The peer is the
TypeScript framework that this project re-implements, by its code.
"""

import threading
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from statistics import median, quantiles

from report import Figure, main
from stacks import a_stack
from waiting import reached, until, until_quiet

from sfn_cqrs_tools.client.prices import EXPRESS_GB, EXPRESS_LANE, RUN_SECONDS, million
from sfn_cqrs_tools.runtime.recorder import Recorder
from sfn_cqrs_tools.stack.local_stack import LocalStack
from sfn_cqrs_tools.testing.client import Client
from sfn_cqrs_tools.testing.faults import Watch

NOTIFIER = "QueueOnNotificationFunction"
THREADS = 8
ITEMS = 200
RUNS = 21
FUNCTION_GB_SECONDS = 0.05 * 0.5
"""An estimate: what AWS bills for a function."""
UNBOUND = {"TenantWriteRate": "10000", "TenantWriteBurst": "10000"}
"""One tenant sends as fast as the stack takes it."""


def measure() -> list[Figure]:
    """Measure everything: the standard lane first, then what differs in the express lane."""
    recorder = Recorder()
    with a_stack(recorder, parameters={"ExpressLane": "disabled", **UNBOUND}) as stack:
        standard = [
            *_one_command(stack, recorder),
            *_chain_of_two(stack, recorder),
            *_latency(stack),
            *_throughput(stack),
        ]
    recorder = Recorder()
    with a_stack(recorder, parameters={"ExpressLane": "enabled", **UNBOUND}) as stack:
        return [*standard, *_one_express_command(stack, recorder), *_latency(stack, EXPRESS_LANE)]


def _one_command(stack: LocalStack, recorder: Recorder) -> list[Figure]:
    _publish_and_wait(stack, recorder, "counted", [1])
    recorder.clear()
    executions = _publish_and_wait(stack, recorder, "counted", [2])
    calls = recorder.call_counts()
    publishes = calls["sns.Publish"] + calls["sns.PublishBatch"]
    invocations = sum(recorder.invocation_counts().values())
    transitions = sum(_transitions(stack, arn) for arn in executions)
    dollars = _dollars(recorder, {"state transition": transitions})
    return [
        Figure("dollars a million, standard lane", dollars, "$ a million", None, "310"),
        Figure("Lambda invocations", invocations, "per command", 10, "23"),
        Figure("SNS publishes", publishes, "per command", 2, "14"),
        Figure("state transitions", transitions, "per command", 9, "10"),
        Figure("write units", recorder.write_units, "WRU per command", 18, "16 to 18"),
        Figure("read units", recorder.read_units, "RRU per command"),
        Figure("AWS calls", sum(calls.values()), "per command"),
    ]


def _one_express_command(stack: LocalStack, recorder: Recorder) -> list[Figure]:
    """The same in the express lane, where nothing waits."""
    for version in (1, 2):
        publish_and_settle(stack, recorder, "counted", version)
    seconds = {"EXPRESS execution": 1.0, "EXPRESS GB-second": RUN_SECONDS * EXPRESS_GB}
    invocations = sum(recorder.invocation_counts().values())
    dollars = _dollars(recorder, seconds)
    return [
        Figure(f"Lambda invocations{EXPRESS_LANE}", invocations, "per command", 10, "23"),
        Figure(
            f"write units{EXPRESS_LANE}", recorder.write_units, "WRU per command", 18, "16 to 18"
        ),
        Figure(f"dollars a million{EXPRESS_LANE}", dollars, "$ a million", 40, "310"),
    ]


def publish_and_settle(stack: LocalStack, recorder: Recorder, code: str, version: int) -> None:
    """Publish a version, and record all that happens until its notice is out."""
    recorder.clear()
    with Client(stack.http) as client:
        _publish(client, code, version)
    until(lambda: recorder.invocation_counts()[NOTIFIER] > 0)
    until_quiet(recorder)


def _dollars(recorder: Recorder, machine: Mapping[str, float]) -> float:
    """What a million cost; a function is taken to last 50 ms, at 512 MB."""
    calls = recorder.call_counts()
    invocations = sum(recorder.invocation_counts().values())
    return million(
        {
            **machine,
            "write unit": recorder.write_units,
            "read unit": recorder.read_units,
            "invocation": invocations,
            "GB-second, arm64": invocations * FUNCTION_GB_SECONDS,
            "API request": 1,
            "SNS publish": calls["sns.Publish"] + calls["sns.PublishBatch"],
        }
    )


def _chain_of_two(stack: LocalStack, recorder: Recorder) -> list[Figure]:
    recorder.clear()
    _publish_and_wait(stack, recorder, "chained", [1, 2])
    invocations = sum(recorder.invocation_counts().values())
    return [Figure("Lambda invocations, chain of two", invocations, "per chain", 22, "43")]


def _publish_and_wait(
    stack: LocalStack, recorder: Recorder, code: str, versions: list[int]
) -> list[str]:
    """Publish versions back to back; answers their executions once all notices are out."""
    ended: list[str] = []

    def on_status_change(execution: dict[str, str]) -> None:
        if execution["status"] != "RUNNING":
            ended.append(execution["executionArn"])

    stack.engine.on_status_change.append(on_status_change)
    with Client(stack.http) as client:
        for version in versions:
            _publish(client, code, version)
    until(lambda: len(ended) == len(versions))
    until(lambda: recorder.invocation_counts()[NOTIFIER] > 0)
    until_quiet(recorder)
    stack.engine.on_status_change.remove(on_status_change)
    return ended


def _publish(client: Client, code: str, version: int) -> None:
    body = {
        "type": "ORDER",
        "code": code,
        "name": "A measured order",
        "version": version - 1,
        "attributes": {"customer": "ada", "total": version},
    }
    status, answer = client.send("POST", "/commands", body)
    if status != 202:
        raise RuntimeError(f"publish answered {status}: {answer}")


def _transitions(stack: LocalStack, execution: str) -> int:
    events = stack.engine.history(execution)
    return sum(event["type"].endswith("StateEntered") for event in events)


def _latency(stack: LocalStack, lane: str = "") -> list[Figure]:
    """Publish one command after the other, each once the one before is in its read model."""
    watch = Watch("ORDER")
    seconds = []
    with watch.installed(), Client(stack.http) as client:
        for number in range(RUNS):
            code = f"alone-{number}"
            began = time.perf_counter()
            _publish(client, code, 1)
            seconds.append(reached(watch, code) - began)
    return [Figure(f"publish to read model, alone, median{lane}", median(seconds) * 1000, "ms")]


def _throughput(stack: LocalStack) -> list[Figure]:
    """Publish two versions of each of many items."""
    began = time.perf_counter()
    published, reached = publish_all(stack, [f"fast-{number}" for number in range(ITEMS)], 2)
    seconds = max(reached.values()) - began
    cuts = quantiles([reached[key] - published[key] for key in published], n=100)
    return [
        Figure("throughput, whole local stack", len(published) / seconds, "commands/s"),
        Figure("publish to read model, full load, p50", cuts[49] * 1000, "ms"),
        Figure("publish to read model, full load, p99", cuts[98] * 1000, "ms"),
    ]


Times = Mapping[tuple[str, int], float]
"""When, by item and version."""


def publish_all(stack: LocalStack, codes: list[str], versions: int = 1) -> tuple[Times, Times]:
    """Publish items from eight threads; say when each was published, and reached its read model."""
    watch = Watch("ORDER")
    published: dict[tuple[str, int], float] = {}
    local = threading.local()

    def publish(code: str) -> None:
        if not hasattr(local, "client"):
            local.client = Client(stack.http)
        for version in range(1, versions + 1):
            published[code, version] = time.perf_counter()
            _publish(local.client, code, version)

    with watch.installed():
        with ThreadPoolExecutor(THREADS) as pool:
            list(pool.map(publish, codes))
        until(lambda: len(watch.reached) == len(published))
    return published, dict(watch.reached)


if __name__ == "__main__":
    main("One command, everything counted from the HTTP call to the closed notice", measure)
