"""Teaches ministack what AWS does and it does not.

The Python of .venv-fabric runs this file, beside fabric_process.py; it can import nothing of this
package. `up`, the tests and `sam deploy` all meet the same fabric, so a difference is mended here
and nowhere else.
"""

from __future__ import annotations

import json
import os
import threading
import time
import urllib.request
from collections import defaultdict
from collections.abc import Callable
from functools import cache
from typing import Any

import fabric_thrift  # type: ignore[import-not-found]  # beside this
from fabric_protocols import knowing  # type: ignore[import-not-found]  # beside this
from fabric_queries import Queries  # type: ignore[import-not-found]  # beside this
from fabric_tables import Tables  # type: ignore[import-not-found]  # beside this
from fair_queue import FairQueue  # type: ignore[import-not-found]  # beside this
from ministack.core import responses, router  # type: ignore[import-not-found]
from ministack.services import eventbridge, sns, sqs  # type: ignore[import-not-found]
from ministack.services.cloudformation import (  # type: ignore[import-not-found]
    engine,
    provisioners,
)

EXECUTIONS = "SFN_CQRS_EXECUTIONS"
"""The variable with the URL that starts an execution on the stack's engine."""
Properties = dict[str, Any]
Collect = Callable[[dict[str, Any], int, int], list[Any]]


def teach() -> None:
    """Change ministack's functions in this process."""
    record = provisioners._cw_metric_alarm_record
    provisioners._cw_metric_alarm_record = lambda name, given: record(name, of_one_metric(given))
    sqs._collect_msgs = fairly(sqs._collect_msgs)
    parse, fan_out = sns._parse_batch_entries, sns._fanout
    sns._parse_batch_entries = lambda given: [of_tenant(entry) for entry in parse(given)]
    sns._fanout = handing_on(fan_out)
    check = provisioners._check_nested_stack_capabilities
    provisioners._check_nested_stack_capabilities = transformed_before(check)
    responses._service_model = knowing(responses._service_model)
    fabric_thrift.teach()
    router._is_aws_service_name = by_folder(router._is_aws_service_name)
    if url := os.environ.get(EXECUTIONS):
        eventbridge._dispatch_to_stepfunctions = starting(url)
    Tables().teach()
    Queries().teach()


def starting(url: str) -> Callable[[str, str], None]:
    """Return what starts an execution for a rule or a schedule, on the stack's own engine.

    ministack would run the definition itself, without the context object that functions need.
    """

    def start(machine: str, payload: str) -> None:
        body = json.dumps({"stateMachineArn": machine, "input": payload}).encode()
        threading.Thread(target=urllib.request.urlopen, args=(url, body), daemon=True).start()

    return start


def by_folder(find: Callable[[str], bool]) -> Callable[[str], bool]:
    """Return what says whether AWS has a service, and reads all models only if it has to.

    ministack reads those of 400 services, for seconds, at the first call of one it does not know.
    """

    def found(name: str) -> bool:
        return name in _services() or find(name)

    return found


@cache
def _services() -> frozenset[str]:
    import botocore.session  # noqa: PLC0415 - takes 0.2 s

    return frozenset(botocore.session.get_session().get_available_services())


def transformed_before(check: Callable[[str, Properties], None]) -> Callable[..., None]:
    """Return a check of a nested stack's template that applies SAM's transform to it first.

    ministack transforms the outermost template alone.
    """

    def checked(parent: str, template: Properties) -> None:
        transformed = dict(engine._apply_transforms(template))
        template.clear()
        template.update(transformed)
        check(parent, template)

    return checked


def of_one_metric(alarm: Properties) -> Properties:
    """Return an alarm on the first metric of several.

    ministack refuses metric math. Nobody on this machine listens to alarms.
    """
    if "Metrics" not in alarm:
        return alarm
    first = next(one["MetricStat"] for one in alarm["Metrics"] if "MetricStat" in one)
    kept = {name: value for name, value in alarm.items() if name != "Metrics"}
    return {**kept, **first["Metric"], "Statistic": "Sum", "Period": first["Period"]}


class OfTenant(str):
    """A message's text, which knows its MessageGroupId."""

    group = ""


def of_tenant(entry: dict[str, Any]) -> dict[str, Any]:
    """Return an entry of PublishBatch whose text knows the entry's group."""
    text = OfTenant(entry["message"])
    text.group = entry.get("message_group_id") or ""
    return {**entry, "message": text}


def handing_on(fan_out: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that keeps a message's group; ministack keeps it only for FIFO queues."""

    def sending(topic: str, id_: str, message: str, *given: Any, **named: Any) -> Any:
        group = named.pop("message_group_id", "") or getattr(message, "group", "")
        return fan_out(topic, id_, message, *given, message_group_id=group, **named)

    return sending


def fairly(collect: Collect) -> Collect:
    """Return a receive function under which no tenant delays the messages of other tenants.

    ministack records the sender of a message, and delivers in the order of arrival.
    """
    queues: dict[str, FairQueue] = defaultdict(FairQueue)

    def collecting(queue: dict[str, Any], most: int, hidden_for: int) -> list[Any]:
        now = time.time()
        messages = list(queue["messages"])
        waiting = [one for one in messages if one["visible_at"] <= now]
        if queue["is_fifo"] or not any(map(_group, messages)):
            return collect(queue, most, hidden_for)
        at_work = {
            one["id"]: _group(one) or one["id"]
            for one in messages
            if one["visible_at"] > now and one["receive_count"] > 0
        }
        tenants = [_group(one) or one["id"] for one in waiting]
        order = queues[queue["url"]].order(tenants, at_work, now)
        ordered = {**queue, "messages": [waiting[place] for place in order]}
        return collect(ordered, most, hidden_for)

    return collecting


def _group(message: dict[str, Any]) -> str:
    return message.get("group_id") or ""
