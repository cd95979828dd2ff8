"""Deadlines: what a handler wants of an item at a moment, unless a later version says otherwise."""

from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

from sfn_cqrs import bootstrap
from sfn_cqrs.kernel import moments
from sfn_cqrs.kernel.clock import iso
from sfn_cqrs.kernel.command import Audit, Command, Patch
from sfn_cqrs.kernel.errors import InvalidInputError, RuleRefusedError
from sfn_cqrs.kernel.keys import checked_key_part
from sfn_cqrs.kernel.models import models
from sfn_cqrs.kernel.values import Json
from sfn_cqrs.machines.command import handlers
from sfn_cqrs.machines.command.projection import is_replayed
from sfn_cqrs.machines.schedule import programs
from sfn_cqrs.machines.schedule.rules import DEADLINE, Plan, Status, Wanted, order_of
from sfn_cqrs.machines.schedule.runner import PlanFlow


class Deadlines:
    """The deadlines of an item, as one of its versions sets and clears them.

    The newest version that speaks of a deadline is the one that counts. A late retry of an earlier
    version changes nothing, and of one version its first word counts. While a read model is
    rebuilt, all deadlines stay as they are.
    """

    def __init__(self, command: Command[Any]) -> None:
        """Speak for this version."""
        self._command = command

    def set(
        self,
        name: str,
        *,
        publish: dict[str, Json],
        after: timedelta | None = None,
        at: datetime | None = None,
        is_deleted: bool | None = None,
    ) -> None:
        """Change the item at a moment, as a partial publish by code.

        It is `at`, or so long `after` this version was published. What has passed is due at once.

        Raises:
            InvalidInputError: there is no such moment, or the item cannot become that.
        """
        due = self._moment(after, at)
        patch = Patch.checked(None, publish, is_deleted=is_deleted)
        with suppress(RuleRefusedError):  # it is asked when the moment has come
            handlers.check_content(self._command.key, patch.on(self._command), self._command)
        shape = models.shape_of(self._command.key.type)
        self._say(self._plan(name, due, wanted=Wanted.of(patch, shape)))

    def clear(self, name: str) -> None:
        """Want nothing of this name any more, whether or not a version has set it."""
        self._say(self._plan(name, self._published_at, status=Status.CANCELLED))

    @property
    def _published_at(self) -> datetime:
        return datetime.fromisoformat(self._command.updated.at)

    def _moment(self, after: timedelta | None, at: datetime | None) -> datetime:
        if (after is None) is (at is None):
            raise InvalidInputError("after", "give a moment, `at`, or a duration, `after`")
        found = at if after is None else self._published_at + after
        return moments.rounded(moments.checked(found, "at" if after is None else "after"))

    def _plan(self, name: str, due: datetime, **more: Any) -> Plan:
        command = self._command
        return Plan(
            item=command.key,
            name=DEADLINE + checked_key_part(name, "name"),
            order=order_of(command.version),
            due_at=iso(due),
            created=Audit(command.updated.at),
            updated_at=iso(bootstrap.now()),
            source=DEADLINE + name,
            request_id=command.request_id,
            **more,
        )

    def _say(self, plan: Plan) -> None:
        if not is_replayed():
            PlanFlow(plan.item).run(programs.plan(plan))
