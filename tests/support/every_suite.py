"""What all suites share; the engine's tests need nothing of this project and say it themselves."""

import pytest
from hypothesis import HealthCheck, settings

# A busy machine is no failure: no deadline per example, no complaint that making one was slow.
settings.register_profile("suite", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("suite")


def pytest_generate_tests(metafunc):
    """Refuse parameters of a set: processes with other seeds of hashes collect other tests."""
    for mark in metafunc.definition.iter_markers("parametrize"):
        if any(isinstance(value, set | frozenset) for value in (*mark.args, *mark.kwargs.values())):
            name = metafunc.function.__name__
            raise pytest.Collector.CollectError(f"the values of {name} come from a set; sort them")
