"""The whole system in one process, under a virtual clock.

The real functions, the real machine in the real engine, and small pumps for the stream, the
notifications and the events of executions. Without a seed each call runs to its end; with one
the functions run as strands, and the seed decides who makes the next call.
"""

import json
import os
import random
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, redirect_stdout, suppress
from functools import cache, partial
from pathlib import Path
from typing import Any, ClassVar, Self
from unittest import mock
from urllib.parse import parse_qsl

from tests.support.calls import AwsCall, Calls, KilledError
from tests.support.lambdas import Lambdas
from tests.support.places import EXAMPLE
from tests.support.strands import Strands
from tests.support.stream import Disorder, Stream

from sfn_cqrs import bootstrap
from sfn_cqrs.kernel.functions.logs import logger
from sfn_cqrs.kernel.keys import ItemKey
from sfn_cqrs.machines.command.process import Process
from sfn_cqrs_tools.runtime.events import EventRules, Rule
from sfn_cqrs_tools.runtime.template import Machine, Template
from sfn_local import Done, Engine, FunctionError, ManualScheduler, VirtualClock

ROOT = Path(__file__).parents[2]
PARAMETERS = {"JwtIssuer": "https://issuer.invalid", "JwtAudience": "test"}
ASYNC_ATTEMPTS = 3
SWEEPS = tuple(
    f"Schedule{name}Function"
    for name in (
        "SweepCommands",
        "PublishDue",
        "SweepTasks",
        "SweepSagas",
        "SweepImports",
        "FinishImports",
        "SweepApprovals",
    )
)
TICK: dict[str, Any] = {"source": "aws.events"}
API = "ApiHandleRequestFunction"
TENANT = "tenant1"
MINUTES_5 = 300
CALL_SECONDS = 0.001
ALONE = {"at_once": lambda work, parts: [work(part) for part in parts]}
"""One shard after the other: the seed alone decides who is next."""
GIVEN_UP = FunctionError("Lambda.SdkClientException", '{"errorMessage": "no answer came"}')


@cache
def template(**more: str) -> Template:
    """The example's template and the framework's, with these parameters beside the needed."""
    return Template.load(EXAMPLE / "template.yaml", parameters={**PARAMETERS, **more})


class System:
    """A system; its storage is a subclass's.

    `express` opens the express lane, and that share of its runs is made twice; their histories go
    to the file `express_log`, if it is given. `dies` says of a run there, whenever a state of it
    begins, whether it is gone in silence.
    """

    sweeps = SWEEPS
    parameters: ClassVar[dict[str, str]] = {}

    def __init__(
        self,
        seed: int | None = None,
        *,
        disorder: dict[str, Any] | None = None,
        express: float | None = None,
        express_log: Path | None = None,
    ) -> None:
        self.template = template(**self.parameters)
        self.machine = self.template.machines["command"]
        self.calls = Calls([self._pass_time])
        self.lambdas = Lambdas(self.template, self.calls)
        self.stream = Stream.of(self.template)
        self.clock = VirtualClock()
        self.strands = None if seed is None else Strands(seed)
        self.disorder = (
            None if disorder is None else Disorder(**{"random": random.Random(seed), **disorder})
        )
        self.engine = Engine(
            functions=self,
            clock=self.clock,
            scheduler=ManualScheduler(seed),
            services=self,
            express_repeats=express or 0.0,
            express_log=express_log,
        )
        for machine in self.template.machines.values():
            self.engine.create_state_machine(machine.name, machine.definition, machine.type)
        rules = EventRules(list(self._rules()), self.invoke_async)
        self.engine.on_status_change.append(rules.on_status_change)
        self.gives_up: Callable[[], bool] = lambda: False
        self.dies: Callable[[], bool] = lambda: False
        self._gone: set[str] = set()
        self._express = express
        self._seed = seed
        self._outside: list[Callable[[], None]] = []
        self._cleanup = ExitStack()

    # What a subclass provides.

    def parts(self) -> dict[str, Any]:
        """The parts of bootstrap that are not the deployed ones."""
        raise NotImplementedError

    def processes(self) -> list[Process]:
        """Every process item."""
        raise NotImplementedError

    def poll(self) -> None:
        """Offer the stream what was written since."""

    def client(self, service: str) -> Any:
        """What the engine's own integrations speak to."""
        raise NotImplementedError(service)

    def notify(self) -> bool:
        """Hand notices to their consumer; whether there were any."""
        return False

    # Entering and leaving.

    def __enter__(self) -> Self:
        random.seed(self._seed)
        enter = self._cleanup.enter_context
        enter(mock.patch.dict(os.environ, self.environment()))
        enter(mock.patch("time.sleep", self._sleep))
        enter(bootstrap.override(**{"clock": self.clock.now, **self.parts(), **ALONE}))
        return self

    def __exit__(self, *_: object) -> None:
        if self.strands is not None:
            self.strands.close()
        self._cleanup.close()

    def environment(self) -> dict[str, str]:
        return {
            **self.template.environment,
            "EXPRESS_LANE": "disabled" if self._express is None else "enabled",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": "testing",
        }

    # Invoking functions.

    def submit(self, function: str, payload: bytes, done: Done) -> None:
        """Run a function for the engine, which may give it up while it goes on.

        That of a run which dies goes on, and nobody hears of it.
        """
        run = "" if self._express is None else _express_run(payload)
        if run in self._gone:
            return
        if run and self.dies():
            self._gone.add(run)
            self._run(partial(self._go_on_alone, function, payload))
        elif self.gives_up():
            self._run(partial(self._go_on_alone, function, payload))
            self._run(lambda: done(GIVEN_UP))
        else:
            self._run(lambda: done(self._answer(function, payload)))

    def invoke_async(self, function: str, payload: bytes) -> None:
        """Run a function for an event: what fails is tried again twice."""
        self._outside.append(partial(self._try, function, payload))

    def invoke(self, function: str, event: dict[str, Any]) -> Any:
        """Run a function now.

        Raises:
            FunctionError: it failed.
        """
        return json.loads(self.lambdas.invoke(function, json.dumps(event).encode()))

    def api(
        self,
        method: str,
        path: str,
        body: dict[str, Any] | None = None,
        *,
        key: str | None = None,
        user: str = "taro",
        query: str = "",
        groups: str = "[operator]",
    ) -> tuple[int, dict[str, Any]]:
        """Send a request, as an operator unless told else: the answer's status and JSON.

        Raises:
            FunctionError: the function was killed.
        """
        claims = {"custom:tenant": TENANT, "cognito:groups": groups, "sub": user}
        answer = self.invoke(
            API,
            {
                "version": "2.0",
                "routeKey": "$default",
                "rawPath": path,
                "rawQueryString": query,
                "queryStringParameters": dict(parse_qsl(query)),
                "headers": {"idempotency-key": key} if key else {},
                "requestContext": {
                    "http": {"method": method, "path": path, "sourceIp": "192.0.2.1"},
                    "stage": "$default",
                    "requestId": "a-request",
                    "authorizer": {"jwt": {"claims": claims}},
                },
                "body": None if body is None else json.dumps(body),
                "isBase64Encoded": False,
            },
        )
        return answer["statusCode"], json.loads(answer["body"])

    def spawn(self, job: Callable[[], None]) -> None:
        """Run something beside everything else."""
        self._run(job)

    # Time.

    def run(self) -> None:
        """Run until all that is left waits: for a token, a limit or the sweep."""
        while self.step():
            pass

    def pass_time(self, seconds: float) -> None:
        """Let time pass, limits included."""
        self.engine.run_for(seconds)
        self.run()

    def sweep(self) -> dict[str, int]:
        """Let five minutes pass and sweep; answers what was done."""
        self.pass_time(MINUTES_5)
        return self.tick()

    def tick(self) -> dict[str, int]:
        """Sweep now; answers what the sweeps have done that did not fail."""
        done: dict[str, int] = {}
        for sweep in self.sweeps:
            with suppress(FunctionError):
                done |= self.invoke(sweep, TICK)
        self.run()
        return done

    def settle(self, sweeps: int = 6) -> None:
        """Run, and sweep while something is open."""
        self.until(lambda: not self.processes_open, sweeps)

    def until(self, is_done: Callable[[], bool], sweeps: int = 100) -> None:
        """Run, and sweep until it is done."""
        self.run()
        while sweeps and not is_done():
            self.sweep()
            sweeps -= 1

    # Looking.

    def process(self, key: ItemKey, version: int) -> Process:
        found = bootstrap.processes().find(key, version)
        if found is None:
            raise LookupError(f"{key} has no process {version}")
        return found

    def outcomes(self, key: ItemKey, last: int) -> dict[int, str]:
        """The outcome of each version from 1 to the last."""
        return {each: str(self.process(key, each).outcome) for each in range(1, last + 1)}

    @property
    def processes_open(self) -> bool:
        return any(process.outcome.is_open for process in self.processes())

    def executions(self, machine: Machine | None = None) -> list[dict[str, Any]]:
        """Every execution of a machine, as DescribeExecution shows it."""
        listed = self.engine.list_executions((machine or self.machine).arn)
        return [self.engine.describe_execution(each["executionArn"]) for each in listed]

    def path_of(self, execution: dict[str, Any]) -> list[str]:
        """The states that an execution has entered."""
        events = self.engine.history(execution["executionArn"])
        entered = [event.get("stateEnteredEventDetails") for event in events]
        return [details["name"] for details in entered if details]

    # Inside.

    def step(self) -> bool:
        """Let one thing happen; whether there was one."""
        self.engine.run_until_idle()
        self.poll()
        if self.strands is not None and len(self.strands):
            return self._step_strands(self.strands)
        if self._outside:
            self._run(self._outside.pop(0))
        elif self.stream.pending:
            self._run(partial(self._deliver, self.stream.take(self.disorder)))
        elif not self.notify():
            return self._wait()
        return True

    def _step_strands(self, strands: Strands) -> bool:
        """Let a strand go on, or sometimes begin what could wait."""
        chance = strands.random.random()
        if self.stream.pending and chance < 0.1:
            strands.spawn(partial(self._deliver, self.stream.take(self.disorder)))
        elif self._outside and chance < 0.2:
            strands.spawn(self._outside.pop(0))
        elif chance > 0.99:
            self._wait()
        strands.step()
        return True

    def _wait(self) -> bool:
        """Let the pauses before retries pass; whether there were any."""
        before = self.clock.time()
        self.engine.run_until_waiting()
        return self.clock.time() > before or bool(self._outside) or bool(self.strands)

    def _run(self, job: Callable[[], None]) -> None:
        if self.strands is None:
            job()
        else:
            self.strands.spawn(job)

    def _answer(self, function: str, payload: bytes) -> bytes | FunctionError:
        try:
            return self.lambdas.invoke(function, payload)
        except FunctionError as error:
            return error

    def _go_on_alone(self, function: str, payload: bytes) -> None:
        self._answer(function, payload)

    def _try(self, function: str, payload: bytes) -> None:
        for _ in range(ASYNC_ATTEMPTS):
            if not isinstance(self._answer(function, payload), FunctionError):
                return

    def _deliver(self, batch: list[dict[str, Any]]) -> None:
        function = self.stream.settings.function_arn
        self.stream.deliver(batch, partial(self.lambdas.invoke, function), self.clock, self._sleep)

    def _rules(self) -> Iterator[Rule]:
        for source in self.template.event_sources:
            if source.type == "EventBridgeRule":
                yield Rule(source.properties["Pattern"], [source.function])

    def _pass_time(self, _call: AwsCall, moment: str) -> None:
        """Each call takes a millisecond, and others may make theirs in between."""
        if moment == "before":
            self.clock.advance(CALL_SECONDS)
            if self.strands is not None:
                self.strands.pause()

    def _sleep(self, seconds: float) -> None:
        self.clock.advance(seconds)
        if self.strands is not None:
            self.strands.pause()


def _express_run(payload: bytes) -> str:
    """The execution of the express lane that asks; empty if it is none."""
    execution = json.loads(payload)["context"]["Execution"]["Id"]
    return str(execution) if ":express:" in execution else ""


@contextmanager
def killing(system: System, at: AwsCall, moment: str) -> Iterator[list[AwsCall]]:
    """Kill the function that makes a call, before or after it, once; yields who was killed."""
    killed: list[AwsCall] = []

    def kill(call: AwsCall, when: str) -> None:
        if call == at and when == moment and not killed:
            killed.append(call)
            raise KilledError

    with system.calls.observed_by(kill):
        yield killed


@contextmanager
def silent() -> Iterator[None]:
    """Log nothing, and print no metrics."""
    level = logger.log_level
    logger.setLevel("CRITICAL")
    try:
        with Path(os.devnull).open("w") as nothing, redirect_stdout(nothing):
            yield
    finally:
        logger.setLevel(level)


def real_time() -> float:
    """Seconds of the machine's own clock, to measure with."""
    return time.perf_counter()
