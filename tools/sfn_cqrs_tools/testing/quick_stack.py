"""A local stack for tests: it reloads nothing, and its streams hardly wait for more records.

Schedules are off, so a test runs each sweep itself, however long the test takes. Tests that search
use PostgreSQL with `quick_stack(postgres=True)`. Tests of live updates use
`quick_stack(live=True)`. In the framework's own repository it runs the example.
"""

from typing import Any

from sfn_cqrs_tools.project import example, is_checkout
from sfn_cqrs_tools.stack.local_stack import LocalStack
from sfn_cqrs_tools.stack.settings import Settings


def quick_stack(**settings: Any) -> LocalStack:
    """Return a stack of the example's template, or of other `Settings`."""
    quick = {"reload": False, "window_seconds": 0.05, "schedules": False}
    template = example() / "template.yaml" if is_checkout() else None
    less = {"template": template, "postgres": False, "live": False}
    return LocalStack(Settings(**{**less, **quick, **settings}))
