"""AWS on a bad day: a share of the functions' calls, of invocations and of answers fails.

A call is throttled, in conflict, refused by an error of the service, or not answered, before it
takes effect or after; an invocation is refused by Lambda, or its answer is lost. What API Gateway
invokes is spared what comes after an effect: its clients could not tell whether to ask again.
"""

from __future__ import annotations

import os
import random
import threading
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from sfn_cqrs_tools.runtime.client_hooks import Hooked

if TYPE_CHECKING:
    from sfn_cqrs_tools.runtime.handlers import Call, Failure

VARIABLE: Final = "SFN_CQRS_WEATHER"
"""Tells the processes of isolated functions: `<share> <seed> <spared function> …`."""

REFUSALS: Final = ("Lambda.TooManyRequestsException", "Lambda.ServiceException")
LOST: Final = "Lambda.SdkClientException"


@dataclass(frozen=True)
class Forecast:
    """The share that fails, the random seed, and the functions spared lost effects."""

    share: float
    seed: int
    spared: frozenset[str] = frozenset()

    def __str__(self) -> str:
        """Return the value of the variable."""
        return " ".join([str(self.share), str(self.seed), *sorted(self.spared)])

    @classmethod
    def of_environment(cls) -> Forecast | None:
        """Return the forecast that the parent of an isolated function's process has set."""
        said = os.environ.get(VARIABLE, "").split()
        return cls(float(said[0]), int(said[1]), frozenset(said[2:])) if said else None


class Weather(Hooked):
    """Strikes by chance; `met` counts what has failed."""

    def __init__(self, forecast: Forecast, function: Callable[[], str | None]) -> None:
        """Take the forecast, and what tells the function that this thread runs, if it runs one."""
        self._forecast = forecast
        self._function = function
        self._random = random.Random(forecast.seed)
        self._lock = threading.Lock()
        self.met: Counter[str] = Counter()
        self._hooks = [
            ("before-call", lambda model, **_: self.before(model.name)),
            ("after-call", lambda model, **_: self.after(model.name)),
        ]

    def invoked(self, call: Call, run: Callable[[Call], bytes | Failure]) -> bytes | Failure:
        """Invoke a function, if Lambda does not refuse it; its answer may be lost."""
        kind = self.refusal()
        if kind is not None:
            return call.failed(kind, "refused by the weather")
        answer = run(call)
        if self.loses(call.function.logical_id):
            return call.failed(LOST, "the answer was lost in the weather")
        return answer

    def refusal(self) -> str | None:
        """Return the error by which Lambda refuses an invocation, if it does."""
        return str(self._chosen(REFUSALS)) if self._strikes("invocation") else None

    def loses(self, function: str) -> bool:
        """Return whether the answer of an invocation is lost."""
        return function not in self._forecast.spared and self._strikes("answer")

    def before(self, operation: str) -> None:
        """Let a call of a function fail before it takes effect, perhaps.

        Raises:
            ClientError, BotoCoreError: it fails.
        """
        if self._function() is not None and self._strikes(f"call {operation}"):
            raise self._chosen((_throttled, _in_conflict, _out_of_order, _unreachable))(operation)

    def after(self, operation: str) -> None:
        """Let a call of a function fail after it took effect, perhaps.

        Raises:
            ClientError, BotoCoreError: it fails.
        """
        function = self._function()
        if function is None or function in self._forecast.spared:
            return
        if self._strikes(f"answer {operation}"):
            raise self._chosen((_out_of_order, _unanswered))(operation)

    def _strikes(self, what: str) -> bool:
        with self._lock:
            struck = self._random.random() < self._forecast.share
            self.met[what] += struck
        return struck

    def _chosen(self, among: Any) -> Any:
        with self._lock:
            return self._random.choice(among)


def _error(operation: str, code: str, status: int, reasons: Iterable[str] = ()) -> Exception:
    from botocore.exceptions import ClientError  # noqa: PLC0415

    answer: Any = {
        "Error": {"Code": code, "Message": "the weather"},
        "ResponseMetadata": {"HTTPStatusCode": status},
        "CancellationReasons": [{"Code": reason} for reason in reasons],
    }
    return ClientError(answer, operation)


def _throttled(operation: str) -> Exception:
    return _error(operation, "ThrottlingException", 400)


def _in_conflict(operation: str) -> Exception:
    if operation == "TransactWriteItems":
        reasons = ("None", "TransactionConflict")
        return _error(operation, "TransactionCanceledException", 400, reasons)
    return _error(operation, "TransactionConflictException", 400)


def _out_of_order(operation: str) -> Exception:
    return _error(operation, "InternalServerError", 500)


def _unreachable(_operation: str) -> Exception:
    from botocore.exceptions import ConnectTimeoutError  # noqa: PLC0415

    return ConnectTimeoutError(endpoint_url="https://the-weather.invalid")


def _unanswered(_operation: str) -> Exception:
    from botocore.exceptions import ReadTimeoutError  # noqa: PLC0415

    return ReadTimeoutError(endpoint_url="https://the-weather.invalid")
