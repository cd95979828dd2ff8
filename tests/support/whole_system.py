"""The whole system over moto: every machine, every stream, every queue, the API and the sweep."""

import json
from collections.abc import Callable
from functools import partial
from typing import Any

from tests.support.calls import AwsCall
from tests.support.lambdas import Lambdas
from tests.support.stream import Stream
from tests.support.system import MINUTES_5, SWEEP
from tests.support.zip_system import ZipSystem

from sfn_local import FunctionError

BUSY = 503
TRIES = 60
Outcome = tuple[AwsCall, str]


class Heard(Lambdas):
    """Functions whose outcomes are heard: each invocation's error, or what its answer says."""

    def __init__(self, lambdas: Lambdas) -> None:
        super().__init__(lambdas._template, lambdas._calls)
        self.outcomes: dict[tuple[str, int], str] = {}

    def invoke(self, name: str, payload: bytes) -> bytes:
        function = self.find(name).logical_id
        number = self._calls.invocations(function) + 1
        try:
            answer = super().invoke(name, payload)
        except FunctionError as error:
            self.outcomes[function, number] = error.error
            raise
        self.outcomes[function, number] = _said(json.loads(answer))
        return answer


def _said(answer: Any) -> str:
    if isinstance(answer, dict) and answer.get("batchItemFailures"):
        return "again"
    if isinstance(answer, dict) and "statusCode" in answer:
        return str(answer["statusCode"])
    return "done"


class WholeSystem(ZipSystem):
    """All of it, the sweep every five minutes; a client sends again what is answered 503."""

    def __init__(self, seed: int | None = None, **more: Any) -> None:
        super().__init__(seed, **more)
        self.lambdas = self.heard = Heard(self.lambdas)
        self.consumers: dict[str, Stream] = {}
        self.queues: dict[str, str] = {}
        for source in self.template.event_sources:
            if source.type == "DynamoDB":
                stream = Stream.of(self.template, source.function)
                self.consumers[source.function] = stream
                self.streams[self._logical_id(source.properties["Stream"].split("/")[1])] = stream
            elif source.type == "SQS":
                queue = self._logical_id(source.properties["Queue"].rpartition(":")[2])
                self.queues[queue] = source.function
        self._swept_at = self.clock.time()
        self.stream = self.consumers["StreamOnProcessChangedFunction"]

    def api(
        self,
        method: str,
        path: str,
        body: dict[str, Any] | None = None,
        *,
        key: str | None = None,
        **asked: str,
    ) -> tuple[int, dict[str, Any]]:
        for _ in range(TRIES):
            status, answer = super().api(method, path, body, key=key, **asked)
            if status != BUSY:
                return status, answer
            self.clock.advance(2)
        return status, answer

    def step(self) -> bool:
        if self.clock.time() - self._swept_at >= MINUTES_5:
            self._swept_at = self.clock.time()
            self.invoke_async(SWEEP, b'{"source": "aws.events"}')
        return super().step()

    def notify(self) -> bool:
        """Deliver what one stream or queue has; whether there was anything."""
        for function, stream in self.consumers.items():
            if stream.pending:
                batch = stream.take(self.disorder)
                invoke = partial(self.lambdas.invoke, function)
                self._run(partial(stream.deliver, batch, invoke, self.clock, self._sleep))
                return True
        return any(self.consume(queue, function) for queue, function in self.queues.items())

    def _wait(self) -> bool:
        """Let a minute pass while a state waits for its retry, so that the sweep comes between."""
        if self.engine.scheduler._sleeps:
            self.engine.run_for(60)
            return True
        return super()._wait()

    def _logical_id(self, name: str) -> str:
        """The resource that is deployed by a name."""
        return next(each for each in self.template.resources if self.template.name(each) == name)

    def ask(self, method: str, path: str, body: Any = None, **who: Any) -> dict[str, Any]:
        """Send a request that is answered well."""
        status, answer = self.api(method, path, body, **who)
        assert status < 300, answer
        return answer

    def given_up(self) -> list[dict[str, Any]]:
        """What any stream has given up."""
        return [notice for stream in self.consumers.values() for notice in stream.given_up]

    def until(self, is_done: Callable[[], bool], sweeps: int = 100) -> None:
        """Run, and sweep until it is done."""
        self.run()
        while sweeps and not is_done():
            self.sweep()
            sweeps -= 1
