"""The fakes that the application's unit tests have, for tools that need no stack."""

import pytest
from tests.support.typed import only_declares_within

from tests.unit.conftest import _environment, make_world, slept, world

__all__ = ["_environment", "make_world", "slept", "world"]


@pytest.fixture(scope="module", autouse=True)
def _declarations(request):
    with only_declares_within(request.path):
        yield
