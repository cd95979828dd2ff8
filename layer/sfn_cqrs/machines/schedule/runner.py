"""Runs the programs of plans against the table, and publishes what is due."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sfn_cqrs import bootstrap
from sfn_cqrs.kernel.aws.transient import is_transient
from sfn_cqrs.kernel.command import Known
from sfn_cqrs.kernel.errors import (
    ForbiddenError,
    InvalidInputError,
    NotFoundError,
    RuleRefusedError,
    SfnCqrsError,
    SupersededError,
    UpcastError,
    VersionConflictError,
)
from sfn_cqrs.kernel.functions.runner import Runner
from sfn_cqrs.kernel.keys import ItemKey, PlanKey
from sfn_cqrs.kernel.masking import masked
from sfn_cqrs.kernel.models import models
from sfn_cqrs.kernel.request import Request
from sfn_cqrs.machines.command import handlers
from sfn_cqrs.machines.command.service import CommandService
from sfn_cqrs.machines.schedule import programs
from sfn_cqrs.machines.schedule.programs import Tried
from sfn_cqrs.machines.schedule.rules import Plan, Publish, Replace

_FOR_GOOD: Final = (
    ForbiddenError,
    InvalidInputError,
    NotFoundError,
    RuleRefusedError,
    UpcastError,
    VersionConflictError,
)
"""What another try would be told again; a person may cure it, and run the plan."""


class PlanFlow(Runner[programs.Call]):
    """A program runner for the plans of one item."""

    def __init__(self, item: ItemKey, request: Request | None = None) -> None:
        """Take an item, and the request whose answer is stored together with a plan."""
        self._item = item
        self._request = request

    def _make(self, call: programs.Call) -> object:
        plans = bootstrap.schedule()
        match call:
            case programs.Find(name):
                return plans.find(PlanKey(self._item, name))
            case programs.FindDue(now):
                return [plan.name for plan in plans.due_of(self._item, now)]
            case programs.TryPublish(plan):
                return _try_to_publish(plan)
            case programs.Make(plan):
                return plans.create(plan, self._request)
            case programs.On(name, Replace() as write) if self._request is not None:
                return plans.replace(PlanKey(self._item, name), write, self._request)
            case programs.On(name, write):
                return plans.change(PlanKey(self._item, name), write)


@dataclass(frozen=True, slots=True)
class _Ending:
    """The end of a plan, in the transaction of its version, or alone."""

    plan: Plan

    def with_version(self, version: int) -> dict[str, Any]:
        """Return the put that ends it."""
        put = bootstrap.schedule().put_of(self.plan, Publish(self.plan, version))
        if put is None:
            raise SupersededError("it is not planned any more")
        return put

    def without_version(self, latest: int) -> bool:
        """End it, since the latest version says the same already."""
        key, write = self.plan.key, Publish(self.plan, latest)
        return bootstrap.schedule().change(key, write, self.plan).done


def _try_to_publish(plan: Plan) -> Tried:
    """Publish a plan, and end it; if it is refused, say why."""
    try:
        follows = _version_to_follow(plan)
        if follows is None:
            return Tried()
        _publish(plan, follows)
    except SupersededError:
        return Tried(is_over=True)
    except VersionConflictError as error:
        return Tried() if plan.if_version is None else Tried(refused=_reason(error))
    except _FOR_GOOD as error:
        return Tried(refused=_reason(error))
    except Exception as error:
        if not is_transient(error):
            raise
        return Tried()
    return Tried(done=True)


def _version_to_follow(plan: Plan) -> int | None:
    """Return the version that a plan is published on, -1 for whichever; None if it has to wait.

    A deadline is published on the one whose handlers have run, and on no other.
    """
    if not plan.is_deadline:
        return plan.follows
    latest = bootstrap.commands().latest(plan.item)
    if latest is None:
        return Known.NONE
    process = bootstrap.processes().find(plan.item, latest.version)
    age = bootstrap.now() - datetime.fromisoformat(latest.updated.at)
    outcome = process.outcome if process else None
    return latest.version if plan.may_follow(outcome, age) else None


def _publish(plan: Plan, follows: int) -> None:
    """Publish it as the one who has planned it, whose rights are asked again."""
    item, wanted = plan.item, plan.wanted
    handlers.check_type(item.type)
    attributes = wanted.attributes
    if not wanted.is_partial:
        attributes = models.converted(item.type, wanted.shape, attributes)
    CommandService(item.tenant).change(
        item.type,
        item.code,
        wanted.asked(attributes),
        follows,
        plan.caller,
        ending=_Ending(plan),
    ).publish()


def _reason(error: SfnCqrsError) -> str:
    return f"{error.code}: {masked(str(error))}"
