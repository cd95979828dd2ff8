"""A browser for tests whose stacks are filled as theirs alone; `tests/console` shares one stack."""

from tests.console.conftest import browser, context, kept, page, playwright

__all__ = ["browser", "context", "kept", "page", "playwright"]
