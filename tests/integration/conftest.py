import pytest
from tests.support.airports import Airport
from tests.support.moto_system import MotoSystem


@pytest.fixture
def system(log):  # noqa: ARG001 - what is logged stays out of the test's output
    """The whole system, nothing published yet."""
    with MotoSystem() as entered:
        yield entered


@pytest.fixture
def airport(system):
    """An airport that does not exist yet."""
    return Airport(system)
