"""Plans that were refused when they were due, and wait for a person."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final

from sfn_cqrs.kernel.tables.dynamodb import unmarshal
from sfn_cqrs.machines.schedule.items import PLANS, REFUSED_SHARDS
from sfn_cqrs.machines.schedule.rules import Plan, Status
from sfn_cqrs_tools.client.aws import Target
from sfn_cqrs_tools.client.failed_work import FailedWork

LISTED: Final = 20
"""The latest of each partition of the index that are read."""


def refused_plans(target: Target, now: datetime) -> list[FailedWork]:
    """Return the plans of all tenants that were refused, the latest first."""
    found = [_told(plan, now) for plan in _refused(target)]
    return sorted(found, key=lambda one: one.age)


def _refused(target: Target) -> Iterator[Plan]:
    table, dynamodb = target.outputs["CommandsTableName"], target.client("dynamodb")
    for shard in REFUSED_SHARDS:
        listed = dynamodb.query(
            TableName=table,
            IndexName="open",
            KeyConditionExpression="open_shard = :shard",
            ExpressionAttributeValues={":shard": {"N": str(shard)}},
            ScanIndexForward=False,
            Limit=LISTED,
        )
        for key in listed["Items"]:
            where = {name: key[name] for name in ("pk", "sk")}
            item: dict[str, Any] | None = dynamodb.get_item(TableName=table, Key=where).get("Item")
            plan: Plan | None = PLANS.record(unmarshal(item)) if item else None
            if plan is not None and plan.status is Status.REFUSED:
                yield plan


def _told(plan: Plan, now: datetime) -> FailedWork:
    item = f"{plan.item.type} {shlex.quote(plan.item.code)} {shlex.quote(plan.name)}"
    age = (now - datetime.fromisoformat(plan.updated_at)).total_seconds()
    return FailedWork(
        "plan", plan.item.tenant, item, plan.item.type, plan.reason or "", round(age, 1)
    )
