"""A browser for tests whose stacks are filled as theirs alone; those of `console` share one."""

from tools.tests.console.conftest import browser, context, kept, page, playwright

__all__ = ["browser", "context", "kept", "page", "playwright"]
