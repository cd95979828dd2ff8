"""What the tests of simulations share with the unit tests."""

from tests.unit.conftest import _environment

__all__ = ["_environment"]
