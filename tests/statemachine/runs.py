"""What the tests of every machine ask of its runs."""

from collections.abc import Collection
from typing import Any

from sfn_local.pytest_plugin import MachineRun


def tries(run: MachineRun, state: str) -> list[int]:
    """The number of the retry that each call of a state is told."""
    return [payload["context"]["State"]["RetryCount"] for payload in run.payloads[state]]


def calls_around(run: MachineRun, state: str, limit: int, then: int = 1) -> tuple[int, int]:
    """How often a state is called a second before its time limit, and `then` seconds later."""
    run.advance(limit - 1)
    before = len(run.payloads[state])
    run.advance(then)
    return before, len(run.payloads[state])


def assert_told(run: MachineRun, keys: dict[str, Any], waiting: Collection[str] = ()) -> None:
    """Each call gets source, context and input, and what waits gets a token."""
    for state, payloads in run.payloads.items():
        token = ["taskToken"] if state in waiting else []
        told = ["context", "input", "source", *token]
        assert [sorted(payload) for payload in payloads] == [told] * len(payloads)
        context = payloads[0]["context"]
        assert payloads[0]["source"] == "step-function"
        assert context["Execution"]["Input"] == keys
        assert context["Execution"]["Name"] == "test"
        assert (context["State"]["Name"], context["State"]["RetryCount"]) == (state, 0)
