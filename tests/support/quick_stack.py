"""A local stack for tests: it reloads nothing, and its streams hardly wait for more records.

Those that search have PostgreSQL: `quick_stack(postgres=True)`; those that tell browsers what
happens, `quick_stack(live=True)`. It runs the worked example, whatever package a fork's is.
"""

from typing import Any

from sfn_cqrs_local.samconfig import PARAMETER
from sfn_cqrs_local.stack import LocalStack

EXAMPLE = {PARAMETER: "shop"}


def quick_stack(*, parameters: dict[str, str] | None = None, **options: Any) -> LocalStack:
    """A stack of the project's own template, or of another."""
    given = parameters or {} if "template" in options else {**EXAMPLE, **(parameters or {})}
    quick = {"reload": False, "window_seconds": 0.05, "postgres": False, "live": False}
    return LocalStack(parameters=given, **{**quick, **options})


def stop_schedules(stack: LocalStack) -> None:
    """Nothing comes by every minute any more: the test itself says when a sweep does."""
    events = stack.client("events")
    for rule in events.list_rules()["Rules"]:
        if "ScheduleExpression" in rule:
            events.disable_rule(Name=rule["Name"])
