import pytest
from tests.support.api import Api

from sfn_cqrs.machines.command.service import CommandService


@pytest.fixture
def api():
    """The API of a stack that has one order."""
    with Api() as api:
        order = {"customer": "ada", "total": 12}
        CommandService("tenant1").publish_sync("ORDER", "o-1", name="A pen", attributes=order)
        yield api
