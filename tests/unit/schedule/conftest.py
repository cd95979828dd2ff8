from importlib import import_module

import pytest
from tests.unit.schedule.sweeping import Context


@pytest.fixture
def sweep(request, sample):
    """Sweep all that has been open for long, with the function that the module tests."""
    name = request.module.__name__.rpartition("test_")[2]
    function = import_module(f"functions.schedule.{name}.app")
    event = sample(f"schedule/{name}")
    return lambda context=None: function.lambda_handler(event, context or Context())
