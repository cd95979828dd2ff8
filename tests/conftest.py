from contextlib import ExitStack
from io import StringIO
from pathlib import Path

import pytest
from tests.support.typed import only_declares_within

from sfn_cqrs.kernel.functions.logs import logger

pytest_plugins = ["tests.support.every_run"]
TESTS = Path(__file__).parent
IN_PROCESS = {"contract", "integration", "security", "simulation", "template", "unit"}
"""The suites whose handlers run in the process of the tests."""


@pytest.fixture(scope="module", autouse=True)
def _declarations(request):
    """Load what is tested, and refuse that a file declares what files after it would know."""
    if request.path.relative_to(TESTS).parts[0] not in IN_PROCESS:
        yield
        return
    with only_declares_within(request.path):
        yield


@pytest.fixture
def log(monkeypatch):
    """What the functions log, as text."""
    text = StringIO()
    monkeypatch.setattr(logger.registered_handler, "stream", text)
    return text


@pytest.fixture
def bank():
    """Let no refund be made; return what says that it can be from now on."""
    from tests.template.saga_calls import refunds_are_refused  # noqa: PLC0415 - the runtime is large

    with ExitStack() as closed:
        closed.enter_context(refunds_are_refused())
        yield closed.close
