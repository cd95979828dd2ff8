"""What a command shows while it waits."""

import json
from itertools import count

import pytest

pytestmark = pytest.mark.stack

NUMBERS = count(1)
WAITS = {"publish": "waits for STOCK", "saga": "waits for g-"}


def _line(kind):
    code = f"shown-{next(NUMBERS)}"
    if kind == "publish":
        return (
            "publish",
            "STOCK",
            code,
            "--name",
            "x",
            "--attributes",
            '{"available": 5}',
            "--wait",
        )
    order = {"order": code, "customer": "ada", "card": "declined", "total": 40}
    lines = [{"sku": "nothing", "quantity": 2}]
    return ("saga", "start", "order-saga", json.dumps({**order, "lines": lines}))


@pytest.fixture(params=list(WAITS))
def kind(request):
    return request.param


def test_a_command_that_waits_says_so_on_a_terminal(run, kind, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")  # rich takes what it writes to for a terminal

    waited = run(*_line(kind))

    assert WAITS[kind] in waited.error
    assert "waits for" not in waited.output


@pytest.mark.parametrize("is_terminal", [True, False])
def test_neither_json_nor_a_pipe_has_it(run, kind, is_terminal, monkeypatch):
    if is_terminal:
        monkeypatch.setenv("FORCE_COLOR", "1")

    waited = run(*_line(kind), *(["--json"] if is_terminal else []))

    assert "waits for" not in waited.error + waited.output
