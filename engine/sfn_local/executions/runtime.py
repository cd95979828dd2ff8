"""The services of an engine for its executions."""

import logging
import uuid
from collections.abc import Callable, Mapping
from functools import partial
from typing import NoReturn

from sfn_local.calls.functions import (
    NO_HEADERS,
    Answer,
    FunctionError,
    FunctionInvoker,
    invocation_headers,
    is_of_map_run,
    trace_header,
)
from sfn_local.calls.services import Services
from sfn_local.executions.activities import Activities
from sfn_local.executions.execution import Execution, MainLine
from sfn_local.executions.map_runs import MapRuns
from sfn_local.executions.roles import Roles
from sfn_local.executions.tokens import Tokens
from sfn_local.scheduler import Scheduler

logger = logging.getLogger(__name__)

Way = tuple[str, str, int]  # state; State, Retry, Catch or Choices; position


class Runtime:
    """The services of the engine for its executions."""

    def __init__(
        self,
        scheduler: Scheduler,
        functions: FunctionInvoker,
        services: Services,
        map_runs: MapRuns,
        region: str,
    ) -> None:
        """One for each engine."""
        self.scheduler = scheduler
        self.functions = functions
        self.services = services
        self.map_runs = map_runs
        self.region = region
        self.roles: Roles | None = None
        self.activities = Activities(scheduler.lock)
        self.new_line: Callable[[Execution, int], MainLine] = _nowhere
        self.start_execution: Callable[[str, str | None, str], Execution] = _nowhere
        self.find_execution: Callable[[str], Execution] = _nowhere
        self.random = scheduler.random.random
        self.wait_time_scale = 1.0
        self.ways: set[Way] | None = None
        self.tokens = Tokens(scheduler.random.randbytes(32))

    def took(self, state: str, field: str, position: int = 0) -> None:
        """Note a way that an execution takes, if somebody asks for them: ways is not None."""
        if self.ways is not None:
            self.ways.add((state, field, position))

    def invoke(
        self,
        function: str,
        payload: bytes,
        done: Callable[[Answer], None],
        trace: str | None = None,
        headers: Mapping[str, str] = NO_HEADERS,
        *,
        is_child: bool = False,
    ) -> None:
        """Call a function; done is called with the lock held, once. Needs the lock."""
        submit = partial(self._submit, function, payload, done, trace, headers, is_child)
        self.scheduler.add(submit)

    def new_uuid(self) -> str:
        """A random UUID."""
        return str(uuid.UUID(int=self.scheduler.random.getrandbits(128), version=4))

    def _submit(
        self,
        function: str,
        payload: bytes,
        done: Callable[[Answer], None],
        trace: str | None,
        headers: Mapping[str, str],
        is_child: bool,
    ) -> None:
        def deliver(answer: Answer) -> None:
            self.scheduler.hand_in(partial(done, answer))

        before, bare = trace_header.set(trace), invocation_headers.set(headers)
        before_child = is_of_map_run.set(is_child)
        try:
            self.functions.submit(function, payload, deliver)
        except Exception as error:
            logger.exception("the function %s could not be called", function)
            deliver(FunctionError("Lambda.Unknown", str(error)))
        finally:
            trace_header.reset(before)
            invocation_headers.reset(bare)
            is_of_map_run.reset(before_child)


def _nowhere(*_: object) -> NoReturn:
    raise LookupError("no engine has said how executions are run, started and found")
