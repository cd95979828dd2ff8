"""Plans as the effects of a saga's steps: made once, and cancelled once, in any order."""

from datetime import datetime, timedelta
from typing import Any

from sfn_cqrs import bootstrap
from sfn_cqrs.kernel.errors import (
    IdempotencyMismatchError,
    NotFoundError,
    NotOpenError,
    SupersededError,
)
from sfn_cqrs.kernel.keys import hashed
from sfn_cqrs.kernel.values import Json
from sfn_cqrs.machines.command.service import CommandService
from sfn_cqrs.machines.saga import effects
from sfn_cqrs.machines.saga.effects import Undo, publish_once
from sfn_cqrs.machines.saga.types import SagaStep
from sfn_cqrs.machines.schedule.rules import Status
from sfn_cqrs.machines.schedule.service import PlanService


def plan_once(
    step: SagaStep[Any],
    type_: str,
    code: str,
    publish: dict[str, Json],
    *,
    at: datetime | None = None,
    after: timedelta | None = None,
) -> str:
    """Plan a change of an item for a moment, once, and return the plan's name.

    `publish` has the attributes that change.

    Raises:
        ValueError: there is not one of `at` and `after`.
        NotFoundError: there is no such item.
        SupersededError: the step was undone before.
    """
    if (at is None) == (after is None):
        raise ValueError("a plan has either at= or after=")
    key = _key(step.key, type_, code)
    found = effects.made(step, key)
    if found is None:
        due = at if at is not None else bootstrap.now() + (after or timedelta())
        caller = effects.caller_of(step, key)
        planner = CommandService(step.tenant)
        try:
            planned = planner.publish_at(
                type_, code, at=due, attributes=publish, partial=True, caller=caller
            )
        except IdempotencyMismatchError:
            found = effects.made(step, key)
        else:
            return planned.plan
    if found is None:
        raise SupersededError("the step was undone before it came here")
    return str(found["id"])


def unplan_once(step: SagaStep[Any], type_: str, code: str, change: Undo) -> int | None:
    """Cancel a step's plan, or undo what it has published by `change`, or see that it never is.

    `change` makes the new `Content` from the latest version. Return the version that undid it, or
    None if there was nothing to undo.

    Raises:
        TransientError: the item is too busy.
    """
    found = effects.made_or_never(step, _key(step.undone_key, type_, code))
    if found is None:
        return None
    plans, name = PlanService(step.tenant), str(found["id"])
    try:
        plans.cancel(type_, code, name)
    except NotOpenError:
        if plans.get(type_, code, name).status is not Status.PUBLISHED:
            return None
    except NotFoundError:  # it has ended so long ago that it is no longer kept
        pass
    else:
        return None
    return publish_once(step, type_, code, lambda latest: change(_there(latest)))


def _there(latest: Any) -> Any:
    if latest is None:
        raise NotFoundError("the item that was planned for is gone")
    return latest


def _key(step_key: str, type_: str, code: str) -> str:
    return f"{step_key}/plan/{hashed(type_, code)}"
