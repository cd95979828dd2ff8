"""What the functions of every machine may fail with."""

from collections.abc import Callable
from typing import Any

from sfn_local import FunctionError


class TransientError(Exception):
    """AWS was busy."""


class SupersededError(Exception):
    """Somebody later owns it."""


def fails_at(input_: int) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """A function that works on what it is given, and fails at one of them at every try."""

    def work(payload: dict[str, Any]) -> dict[str, Any]:
        if payload["input"] == input_:
            raise SupersededError
        return {"index": payload["input"], "ok": True}

    return work


def lambda_error(name: str) -> FunctionError:
    """An error of Lambda's own, by its name."""
    return FunctionError(name, "{}")
