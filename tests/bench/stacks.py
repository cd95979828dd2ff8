"""The stack that benchmarks run."""

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Final

from sfn_cqrs_tools.runtime.recorder import Recorder
from sfn_cqrs_tools.stack.local_stack import LocalStack
from sfn_cqrs_tools.stack.settings import Settings

AS_DEPLOYED: Final = {"GenerationsKnownSeconds": "30"}
"""What the local stack shortens, at the price of reads."""


@contextmanager
def a_stack(
    recorder: Recorder, *, window_seconds: float | None = None, parameters: Mapping[str, str] = {}
) -> Iterator[LocalStack]:
    """A stack whose calls are recorded, without PostgreSQL and live updates; then it is gone.

    Streams and queues wait as long as the template says, or as `window_seconds` says.
    """
    with (
        tempfile.TemporaryDirectory() as state,
        LocalStack(
            Settings(
                state_dir=state,
                recorder=recorder,
                reload=False,
                postgres=False,
                live=False,
                window_seconds=window_seconds,
                parameters={**AS_DEPLOYED, **parameters},
            )
        ) as stack,
    ):
        yield stack
