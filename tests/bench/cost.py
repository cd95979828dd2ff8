"""What a stack costs, all of it: idle for a month, and for a million commands of ten a month.

The stack is one of production with every other parameter as it is by default. Counted are the
template's alarms, dashboards, keys, sweeps and queues, and, through the local stack, the units,
invocations, messages and log lines of a command of the express lane. Prices are AWS's list prices
in us-east-1, gross of free tiers. Estimates, which stand below: how long functions last, the bytes
of a stored command, and the requests of keys.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from command import publish_and_settle
from report import Figure, main
from stacks import a_stack
from undo import of_a_million

from sfn_cqrs.care.sweep import KINDS
from sfn_cqrs.kernel.functions.logs import logger
from sfn_cqrs.machines.command.process_table import FAILED_SHARDS
from sfn_cqrs.machines.schedule.items import PLANNED_SHARDS
from sfn_cqrs_tools.client.prices import DOLLARS, EXPRESS_GB, MILLION, RUN_SECONDS
from sfn_cqrs_tools.runtime.recorder import Recorder
from sfn_cqrs_tools.runtime.template import Template

ROOT = Path(__file__).resolve().parents[2]
BY_DEFAULT = {"JwtIssuer": "https://issuer.invalid", "JwtAudience": "bench"}
IN_PROD = {**BY_DEFAULT, "Stage": "prod", "AlarmEmail": "night@example.com"}
MINUTES = 30 * 24 * 60
SECONDS = 60 * MINUTES
COMMANDS = 10 * MILLION
"""A month's, evenly."""
ALARM, DASHBOARD, KEY, METRIC, GB_OF_LOGS = 0.10, 3.0, 1.0, 0.30, 0.50
TRACE, MESSAGE, KEY_REQUEST = 5e-6, 0.4e-6, 3e-6
GB_STORED = 0.25 + 0.20
"""A month's, with point-in-time recovery."""
GIGA = 1e9
POLLS = 5 * 3
"""Long polls of a queue's mapping a minute: five pollers, twenty seconds each."""
SWEEP_SECONDS, STATE_SECONDS, API_SECONDS = 0.25, 0.05, 0.09
SWEEP_LOG_BYTES, ACCESS_LOG_BYTES, STORED_BYTES = 500, 350, 2_400
IDLE_KEY_REQUESTS, LOADED_KEY_REQUESTS = 120_000, 1_330_000
"""DynamoDB's, of the key that AWS manages: each function's role, twice in five minutes."""
QUEUED = 3
"""Requests of a message that comes alone: sent, received and deleted."""
RESERVOIR, RATE = 1.0, 0.05
"""Traces that X-Ray begins: the first of each second, and a share of the others."""
MAY_BEGIN_TRACES = (
    "ApiHandleRequestFunction",
    "StreamOnProcessChangedFunction",
    "QueueOnNotificationFunction",
)
"""What invokes them brings no trace; who has PassThrough begins none."""
TRACE_ID_BYTES = len(b',"xray_trace_id":"1-5759e988-bd862e3fe1be46a994272793"')
IDLE, LOADED = 10.0, 25.0
"""What they may be at most."""


def measure() -> list[Figure]:
    """Reckon the month, then the million."""
    template = _deployed(IN_PROD)
    idle = _idle(template)
    with_dashboard = _deployed({**IN_PROD, "Dashboards": "work"})
    million = _million(template)
    month, loaded = sum(idle.values()), sum(million.values())
    return [
        *(Figure(f"idle: {what}", value, "$ a month") for what, value in idle.items()),
        Figure("idle, all", month, "$ a month", IDLE),
        Figure("idle, all, Stage=dev", _sum(_deployed(BY_DEFAULT)), "$ a month"),
        Figure("idle, all, Dashboards=work", _sum(with_dashboard), "$ a month"),
        *(Figure(f"commands: {what}", value, "$ a million") for what, value in million.items()),
        Figure("commands, all", loaded, "$ a million", LOADED),
        Figure("commands and a tenth of the idle month", loaded + month / 10, "$ a million"),
        Figure("commands, all, Notices=disabled", loaded - _of_a_notice(), "$ a million"),
        *_undone(),
    ]


def _undone() -> list[Figure]:
    """Reckon a million rows of an import that changes items, and its undo."""
    recorder = Recorder()
    with a_stack(recorder) as stack:
        return of_a_million(stack, recorder)


def _deployed(parameters: dict[str, str]) -> Template:
    return Template.load(ROOT / "template.yaml", parameters=parameters)


def _sum(template: Template) -> float:
    return sum(_idle(template).values())


def _idle(template: Template) -> dict[str, float]:
    sweeps = [name for name in template.functions if _is_every_minute(template, name)]
    runs = len(sweeps) * MINUTES
    traced = [name for name in sweeps if _is_active(template, name)]
    polled = [
        each
        for each in template.event_sources
        if each.type == "SQS"
        and template.resolve(each.properties.get("Enabled", True)) is not False
    ]
    shards = sum(len(kind.shards) for kind in KINDS) + len([*FAILED_SHARDS, *PLANNED_SHARDS])
    return {
        "alarms": ALARM * _alarm_metrics(template),
        "dashboards": DASHBOARD * len(template.of_type("AWS::CloudWatch::Dashboard")),
        "the age that a sweep reports": METRIC * sum(kind.reports for kind in KINDS),
        "the key of the topics": KEY * len(template.of_type("AWS::KMS::Key")),
        "empty polls of queues": MESSAGE * POLLS * MINUTES * len(polled),
        "traces of sweeps": TRACE * len(traced) * MINUTES,
        "functions of sweeps": _lambda(runs, SWEEP_SECONDS, 0.5),
        "DynamoDB of sweeps": MINUTES
        * (DOLLARS["read unit"] * shards / 2 + DOLLARS["write unit"] * 2 * len(KINDS)),
        "logs of sweeps": GB_OF_LOGS * runs * SWEEP_LOG_BYTES / GIGA,
        "requests of DynamoDB's key": KEY_REQUEST * IDLE_KEY_REQUESTS,
    }


def _million(template: Template) -> dict[str, float]:
    recorder = Recorder()
    with a_stack(recorder, parameters={"ExpressLane": "enabled"}) as stack:
        publish_and_settle(stack, recorder, "counted", 1)
        with _logged() as lengths:
            publish_and_settle(stack, recorder, "counted", 2)
            written = sum(lengths) + len(lengths) * TRACE_ID_BYTES * _traced_share()
    invocations = recorder.invocation_counts()
    calls = recorder.call_counts()
    notices = invocations["QueueOnNotificationFunction"]
    states = sum(invocations.values()) - 1
    api_gb = _memory(template, "ApiHandleRequestFunction")
    per_command = {
        "DynamoDB writes": DOLLARS["write unit"] * recorder.write_units,
        "DynamoDB reads": DOLLARS["read unit"] * recorder.read_units,
        "functions": _lambda(states, STATE_SECONDS, 0.5) + _lambda(1, API_SECONDS, api_gb),
        "the express lane": DOLLARS["EXPRESS execution"]
        + RUN_SECONDS * EXPRESS_GB * DOLLARS["EXPRESS GB-second"],
        "HTTP API": DOLLARS["API request"],
        "SNS": DOLLARS["SNS publish"] * (calls["sns.Publish"] + calls["sns.PublishBatch"]),
        "SQS": MESSAGE * QUEUED * notices,
        "logs": GB_OF_LOGS * (written + ACCESS_LOG_BYTES) / GIGA,
        "traces": TRACE * _traced_share() * sum(_is_active(template, f) for f in MAY_BEGIN_TRACES),
        "storage, the first month": GB_STORED * STORED_BYTES / GIGA / 2,
        "requests of DynamoDB's key": KEY_REQUEST * LOADED_KEY_REQUESTS / COMMANDS,
    }
    return {what: MILLION * dollars for what, dollars in per_command.items()}


def _of_a_notice() -> float:
    """Return what a million notices cost on their way to a handler of `on_notice`."""
    return MILLION * (MESSAGE * QUEUED + _lambda(1, STATE_SECONDS, 0.5))


def _lambda(invocations: float, seconds: float, gigabytes: float) -> float:
    spent = invocations * seconds * gigabytes
    return DOLLARS["invocation"] * invocations + DOLLARS["GB-second, arm64"] * spent


def _traced_share() -> float:
    """Of what comes evenly."""
    second = COMMANDS / SECONDS
    return (RESERVOIR + RATE * (second - RESERVOIR)) / second if second > RESERVOIR else 1.0


def _alarm_metrics(template: Template) -> int:
    alarms = template.of_type("AWS::CloudWatch::Alarm").values()
    return sum(
        sum("MetricStat" in metric for metric in alarm["Metrics"]) if "Metrics" in alarm else 1
        for alarm in alarms
    )


def _properties(template: Template, name: str) -> dict[str, Any]:
    globals_ = template.document["Globals"]["Function"]
    return {**globals_, **template.of_type("AWS::Serverless::Function")[name]}


def _is_every_minute(template: Template, name: str) -> bool:
    return "EveryMinute" in _properties(template, name).get("Events", {})


def _is_active(template: Template, name: str) -> bool:
    return bool(_properties(template, name)["Tracing"] == "Active")


def _memory(template: Template, name: str) -> float:
    return float(_properties(template, name)["MemorySize"]) / 1024


@contextmanager
def _logged() -> Iterator[list[int]]:
    """Answer the bytes of each line that functions log, while they do."""
    (ours,) = logger.handlers[:1]
    lengths: list[int] = []

    class Counting(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            """Count a line."""
            lengths.append(len(ours.format(record).encode()))

    counting = Counting()
    logger.addHandler(counting)
    try:
        yield lengths
    finally:
        logger.handlers.remove(counting)


if __name__ == "__main__":
    main("what a stack costs, all of it", measure)
