"""The tables of a stack for commands that read them with the runtime's own code."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from sfn_cqrs_tools.client.aws import Target

_KNOWS: Final = "ApiHandleRequestFunction"
"""A function whose environment names every table."""


@contextmanager
def tables_of(target: Target) -> Iterator[None]:
    """Set the variables that name a stack's tables and buckets, for as long as they are read."""
    before = dict(os.environ)
    os.environ.update(_environment(target))
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def _environment(target: Target) -> dict[str, str]:
    if target.stack is None:
        return dict(target.environment)
    name = target.function_name(_KNOWS)
    found: dict[str, Any] = target.client("lambda").get_function_configuration(FunctionName=name)
    variables: dict[str, str] = found["Environment"]["Variables"]
    return {name: value for name, value in variables.items() if not name.startswith("AWS_")}
