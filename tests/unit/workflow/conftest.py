import pytest
from tests.support.stubs import a_client, stub_of


@pytest.fixture
def step_functions(monkeypatch):
    """The stub of Step Functions' client."""
    client = a_client("stepfunctions")
    monkeypatch.setattr("boto3.client", lambda _service: client)
    with stub_of(client) as stub:
        yield stub
