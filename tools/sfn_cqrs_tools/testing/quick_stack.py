"""A local stack for tests: it reloads nothing, and its streams hardly wait for more records.

No sweep comes by every minute: a test says itself when one does, however long it takes.
Those that search have PostgreSQL: `quick_stack(postgres=True)`; those that tell browsers what
happens, `quick_stack(live=True)`. It runs the worked example, whatever package a fork's is.
"""

from typing import Any, Self

from sfn_cqrs_tools.stack.local_stack import LocalStack
from sfn_cqrs_tools.stack.samconfig import PARAMETER

EXAMPLE = {PARAMETER: "shop"}


class Unswept(LocalStack):
    """A stack whose schedules are off."""

    def __enter__(self) -> Self:
        """Start it, and switch them off."""
        super().__enter__()
        events = self.client("events")
        for rule in events.list_rules()["Rules"]:
            if "ScheduleExpression" in rule:
                events.disable_rule(Name=rule["Name"])
        return self


def quick_stack(*, parameters: dict[str, str] | None = None, **options: Any) -> LocalStack:
    """A stack of the project's own template, or of another."""
    given = parameters or {} if "template" in options else {**EXAMPLE, **(parameters or {})}
    quick = {"reload": False, "window_seconds": 0.05, "postgres": False, "live": False}
    return Unswept(parameters=given, **{**quick, **options})
