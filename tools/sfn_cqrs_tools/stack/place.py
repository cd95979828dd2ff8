"""The folders of a stack, which no other may use while it runs, and its logs in them."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Final, TextIO

from sfn_cqrs_tools.runtime.data_folder import DataFolder
from sfn_cqrs_tools.runtime.output import FunctionOutput, opened_log
from sfn_cqrs_tools.runtime.state import StackError, StateFolder

LOGGING: Final = ("sfn_cqrs_tools", "sfn_local")

_running = threading.Lock()


@contextmanager
def place(state: StateFolder, data: DataFolder | None, *, fresh: bool) -> Iterator[FunctionOutput]:
    """Hold this process and the folders, and write the logs; yield what functions print to.

    Raises:
        StackError: another stack has one of them.
    """
    with ExitStack() as held:
        if not _running.acquire(blocking=False):
            raise StackError(
                "a stack already runs in this process: functions share its environment"
            )
        held.callback(_running.release)
        state.acquire()
        held.callback(state.release)
        if data is not None:
            data.acquire(fresh=fresh)
            held.callback(data.release)
        state.begin_logs(keep=data is not None and not fresh)
        log = held.enter_context(opened_log(state.stack_log))
        held.enter_context(_logging_to(log))
        yield held.enter_context(FunctionOutput(log))


class _LogHandler(logging.StreamHandler[TextIO]):
    """Writes records to the log, or loses them on a full disk."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's own name
        """Say nothing: the terminal is not a place for a traceback."""


@contextmanager
def _logging_to(log: TextIO) -> Iterator[None]:
    """Write log records of the stack and its engine only to the stack's log."""
    loggers = [logging.getLogger(name) for name in LOGGING]
    before = [(logger.level, logger.propagate) for logger in loggers]
    handler = _LogHandler(log)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s %(message)s"))
    for logger in loggers:
        logger.addHandler(handler)
        logger.setLevel(logging.INFO)
        logger.propagate = False
    try:
        yield
    finally:
        for logger, (level, propagate) in zip(loggers, before, strict=True):
            logger.removeHandler(handler)
            logger.level, logger.propagate = level, propagate
