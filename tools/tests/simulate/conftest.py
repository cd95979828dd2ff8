"""What the tests of simulations share with the unit tests."""

from unittest import mock

import pytest

from sfn_cqrs.machines.command.handlers import registry
from tests.unit.conftest import _environment

__all__ = ["_environment"]


@pytest.fixture(scope="module", autouse=True)
def _mistakes():
    """Keep the mistakes, which these tests import, from all other tests."""
    known = {type_: dict(named) for type_, named in registry.sync.items()}
    with mock.patch.object(registry, "sync", known):
        yield
