"""The tests of the tools; the application's, and what both share, are in `tests`."""

from tests.conftest import bank

__all__ = ["bank"]
pytest_plugins = ["tests.support.every_run"]
