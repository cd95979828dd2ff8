"""A local stack for tests: it reloads nothing, and its streams hardly wait for more records.

Schedules are off, so a test runs each sweep itself, however long the test takes. Tests that search
use PostgreSQL with `quick_stack(postgres=True)`. Tests of live updates use
`quick_stack(live=True)`. In the framework's own repository it runs the example.
"""

from typing import Any

from sfn_cqrs_tools.project import CHECKOUT, EXAMPLE, is_checkout
from sfn_cqrs_tools.stack.local_stack import LocalStack

TEMPLATE = CHECKOUT / EXAMPLE / "template.yaml"


class Unswept(LocalStack):
    """A stack whose schedules are off."""

    def _plain(self) -> dict[str, Any]:
        plain = super()._plain()
        for resource in plain["Resources"].values():
            if "ScheduleExpression" in resource.get("Properties", {}):
                resource["Properties"]["State"] = "DISABLED"
        return plain


def quick_stack(*, parameters: dict[str, str] | None = None, **options: Any) -> LocalStack:
    """Return a stack of the example's template, or of another."""
    quick = {"reload": False, "window_seconds": 0.05, "postgres": False, "live": False}
    template = TEMPLATE if is_checkout() else None
    return Unswept(parameters=parameters, **{"template": template, **quick, **options})
