"""What the tests of simulations share with the unit tests."""

import sys

import pytest
from tests.support.typed import declaring

from tests.unit.conftest import _environment

__all__ = ["_environment"]
DECLARING = (f"{__package__}.mistakes.", f"{__package__}.sagas_page")


@pytest.fixture(autouse=True)
def _mistakes(_environment):
    """Keep what these tests import and declare from all other tests."""
    with declaring():
        yield
    for name in [each for each in sys.modules if each.startswith(DECLARING)]:
        del sys.modules[name]
