"""What a task of ten items costs and how fast it is, through the whole local stack.

Counted is everything from the HTTP call to the notice of its end, items' notices included; the
handler does nothing. Prices are AWS's list prices in us-east-1. The peer is the TypeScript
framework that this project re-implements, by its code.
"""

import time

from report import Figure, main
from stacks import a_stack
from waiting import until, until_quiet

from sfn_cqrs.kernel.policy import MEMBERS
from sfn_cqrs.machines.task.types import task_handler
from sfn_cqrs_tools.client.prices import TASK_ITEM, million
from sfn_cqrs_tools.runtime.recorder import Recorder
from sfn_cqrs_tools.stack.local_stack import LocalStack
from sfn_cqrs_tools.testing.client import Client

TYPE = "BENCH_NOTHING"
ITEMS = 10
MANY = 1_000
STATE_SECONDS, GIGABYTES = 0.05, 0.5
"""How long a function lasts, which is an estimate, and the memory that it has."""
NOTIFIER = "QueueOnNotificationFunction"
ACCEPTED = 202


def measure() -> list[Figure]:
    """Measure everything."""
    task_handler(TYPE, publish=MEMBERS)(lambda item: {"index": item.index})
    recorder = Recorder()
    with a_stack(recorder) as stack:
        return [*_one_task(stack, recorder), *_many_items(stack, recorder)]


def _one_task(stack: LocalStack, recorder: Recorder) -> list[Figure]:
    _run(stack, recorder, ITEMS)  # clients, connections and modules are made once
    executions, _ = _run(stack, recorder, ITEMS)
    calls = recorder.call_counts()
    publishes = _publishes(recorder)
    invocations = sum(recorder.invocation_counts().values())
    transitions = _transitions(stack, executions)
    return [
        Figure("Lambda invocations", invocations, "per task", 24, "66 to 86"),
        Figure("SNS publishes", publishes, "per task", 6, "44 to 64"),
        Figure("write units", recorder.write_units, "WRU per task", 60, "75 to 85"),
        Figure("queries", calls["dynamodb.Query"], "per task", 2, "20 to 40"),
        Figure("state transitions", transitions, "per task", 14, "11"),
        Figure("read units", recorder.read_units, "RRU per task"),
        Figure("AWS calls", sum(calls.values()), "per task"),
        _million_items(stack, recorder, executions, ITEMS),
    ]


def _many_items(stack: LocalStack, recorder: Recorder) -> list[Figure]:
    executions, seconds = _run(stack, recorder, MANY)
    return [
        Figure("throughput, whole local stack", MANY / seconds, "items/s"),
        _million_items(stack, recorder, executions, MANY),
    ]


def _million_items(
    stack: LocalStack, recorder: Recorder, executions: list[str], items: int
) -> Figure:
    """Reckon a million items by what a task of some has taken; usage counts the highest price."""
    invocations = sum(recorder.invocation_counts().values())
    taken = {
        "write unit": recorder.write_units,
        "read unit": recorder.read_units,
        "invocation": invocations,
        "GB-second, arm64": invocations * STATE_SECONDS * GIGABYTES,
        "state transition": _transitions(stack, executions),
        "SNS publish": _publishes(recorder),
    }
    name, most = f"a million items, {items:,} to a task", round(million(TASK_ITEM), 2)
    return Figure(name, million(taken) / items, "$", most)


def _publishes(recorder: Recorder) -> int:
    calls = recorder.call_counts()
    return calls["sns.Publish"] + calls["sns.PublishBatch"]


def _transitions(stack: LocalStack, executions: list[str]) -> int:
    return sum(
        event["type"].endswith("StateEntered")
        for arn in executions
        for event in stack.engine.history(arn)
    )


def _run(stack: LocalStack, recorder: Recorder, items: int) -> tuple[list[str], float]:
    """Run one task; answers its executions and the seconds that it took, once all is quiet."""
    ended: list[str] = []

    def on_status_change(execution: dict[str, str]) -> None:
        if execution["status"] != "RUNNING":
            ended.append(execution["executionArn"])

    stack.engine.on_status_change.append(on_status_change)
    recorder.clear()
    began = time.perf_counter()
    with Client(stack.http) as client:
        body = {"taskType": TYPE, "input": [{"n": number} for number in range(items)]}
        status, answer = client.send("POST", "/tasks", body)
    if status != ACCEPTED:
        raise RuntimeError(f"creating a task answered {status}: {answer}")
    until(lambda: bool(ended))
    seconds = time.perf_counter() - began
    until(lambda: recorder.invocation_counts()[NOTIFIER] > 0)
    until_quiet(recorder)
    stack.engine.on_status_change.remove(on_status_change)
    return ended, seconds


if __name__ == "__main__":
    main("One task of ten items, everything counted from the HTTP call to its notice", measure)
