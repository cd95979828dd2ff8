"""What `up` says of a failure, by what the function has logged and how it has ended."""

import io
import json
from types import SimpleNamespace

import pytest

from sfn_cqrs_tools.runtime.lambdas import Invocation
from sfn_cqrs_tools.runtime.revisions import NotImported
from sfn_cqrs_tools.stack import reporter

STEP = "OrderSagaShipOrderFunction"
REQUEST = "6f838011-429e-4917-a66d-25a6b0949876"
TRACEBACK = (
    'Traceback:\n  File "/task/app/shop/order_saga.py", line 9, in ship\n    x["a"]\nKeyError: 1'
)


class Functions(list):
    """No function, and who listens."""

    def __init__(self):
        super().__init__()
        self.listeners = []
        self.broken = []
        self.is_newest = True

    def refresh(self):
        return []


@pytest.fixture
def stack(tmp_path):
    return SimpleNamespace(
        template=SimpleNamespace(root=tmp_path),
        functions=Functions(),
        output=SimpleNamespace(listeners=[]),
        environment={},
        troubles=(),
    )


@pytest.fixture
def said(stack):
    """Return what a function that logs a line, and then fails, makes `up` say."""
    stream = io.StringIO()
    reporter.Reporter(stack, stream)

    def end(error, message):
        line = {"level": "WARNING", "message": "a step failed", "exception_name": "KeyError"}
        logged = json.dumps({**line, "exception": TRACEBACK})
        body = {"errorType": error, "errorMessage": message}
        stack.output.listeners[0](f"{STEP} {REQUEST} {logged}")
        stack.functions.listeners[0](Invocation(STEP, REQUEST, 0.1, error, body=body))
        return stream.getvalue()

    return end


def test_a_failure_that_its_log_has_told_of_is_said_once(said):
    text = said("SagaStepError", "ship_order: KeyError: 1")

    assert "SagaStepError" not in text
    assert [line.strip() for line in text.splitlines()[1:3]] == [
        'File "/task/app/shop/order_saga.py", line 9, in ship',
        'x["a"]',
    ]


def test_a_framework_that_is_replaced_fills_no_screen(stack, monkeypatch):
    monkeypatch.setattr(reporter, "LOOK_SECONDS", 0)
    told, stream = (
        iter([[], [stack.template.root / f"{n:02}.py" for n in range(12)]]),
        io.StringIO(),
    )
    stack.functions.refresh = lambda: next(told)
    stack.functions.broken = [NotImported(f"module{n:02}", KeyError("x")) for n in range(12)]
    up = reporter.Reporter(stack, stream)
    stack.functions.broken = []
    up.look()

    lines = [line.split("  ", 1)[1].strip() for line in stream.getvalue().splitlines()]
    eight = ", ".join(f"{n:02}.py" for n in range(8))
    assert lines[7:9] == [
        "module07 cannot be imported: KeyError: 'x'",
        "4 more cannot be imported: sfn-cqrs doctor",
    ]
    assert lines[9].startswith("module00, ")
    assert lines[9].endswith("module07 and 4 more can be imported again")
    assert lines[10:] == [f"{eight} and 4 more"]


def test_a_trouble_whose_reason_becomes_known_is_not_over(stack, monkeypatch):
    monkeypatch.setattr(reporter, "LOOK_SECONDS", 0)
    stream = io.StringIO()
    up = reporter.Reporter(stack, stream)
    for told in (["it died: wait"], ["it died (no room): wait"], ["it died (no file): wait"], []):
        stack.troubles = told
        up.look()

    assert [line.split(maxsplit=1)[1] for line in stream.getvalue().splitlines()] == [
        "trouble   it died: wait",
        "trouble   it died (no room): wait",
        "repaired  no longer: it died (no file): wait",
    ]


def test_what_cannot_be_said_ends_nothing(stack):
    class Full(io.StringIO):
        def write(self, _text):
            raise OSError(28, "No space left on device")

    reporter.Reporter(stack, Full()).reloaded("app/shop/orders.py")


def test_a_refused_step_is_the_business_as_usual_and_names_no_code(stack):
    stream = io.StringIO()
    reporter.Reporter(stack, stream)
    body = {
        "errorType": "SagaStepError",
        "errorMessage": "charge: declined: no money",
        "stackTrace": ['  File "functions/trip/charge/app.py", line 9, in lambda_handler\n'],
    }

    stack.functions.listeners[0](Invocation(STEP, REQUEST, 0.1, "SagaStepError", body=body))

    (first, *_) = stream.getvalue().splitlines()
    assert f"refused   {STEP}: SagaStepError: charge: declined: no money" in first
    assert "app.py" not in stream.getvalue()


def test_a_version_that_waits_for_the_one_before_has_not_failed(said):
    assert "NotYetError" not in said("NotYetError", "version 1 is open")


def test_another_failure_of_the_same_invocation_is_said_too(said):
    assert "failed    OrderSagaShipOrderFunction: OSError: disk" in said("OSError", "disk")
