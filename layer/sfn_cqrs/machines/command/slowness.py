"""Handlers that prove too slow for the express lane: a metric, which `sfn-cqrs doctor` reads."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Final

from sfn_cqrs import bootstrap
from sfn_cqrs.kernel.failure import Failure
from sfn_cqrs.machines.command.state import CommandState

METRIC: Final = "SlowHandlerSeconds"
SLOW: Final = timedelta(seconds=60)
"""Half of a handler's time limit; a run that takes so long costs thirty times the usual one."""
SOME_HANDLER: Final = "one of its handlers"
"""The name of a handler that was killed: nobody learns which one it was."""
_KILLED: Final = re.compile(r"timed out after (\d+)")


@contextmanager
def slowness_told(state: CommandState, handler: str) -> Iterator[None]:
    """Report a handler that took long, whether or not it failed."""
    began = bootstrap.now()
    try:
        yield
    finally:
        lasted = bootstrap.now() - began
        if state.is_express and lasted >= SLOW:
            _tell(state, handler, lasted)


def tell_if_killed(state: CommandState, failure: Failure) -> None:
    """Report a handler that Lambda killed at its time limit; no other state has so much time."""
    found = _KILLED.search(failure.cause)
    lasted = timedelta(seconds=int(found[1]) if found else 0)
    if failure.error == "Sandbox.Timedout" and lasted >= SLOW:
        _tell(state, SOME_HANDLER, lasted)


def _tell(state: CommandState, handler: str, lasted: timedelta) -> None:
    from aws_lambda_powertools.metrics import (  # noqa: PLC0415 - no start of a state waits for it
        MetricUnit,
        single_metric,
    )

    seconds = lasted.total_seconds()
    with single_metric(name=METRIC, unit=MetricUnit.Seconds, value=seconds) as metric:
        metric.add_dimension("type", state.ref.key.type)
        metric.add_dimension("handler", handler)
