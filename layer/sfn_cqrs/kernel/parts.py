"""Parts: what is made once of an environment, clients and a clock. It alone reads the environment.

Each room has a `parts.py` whose functions make its parts of others. Called without an argument,
they make those of this process. A test has `Parts` of its own, with clients in memory.
"""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial, wraps
from threading import RLock
from typing import Any, Final, Protocol, TypeVar, cast

from sfn_cqrs.kernel.aws.tracing import Tracer

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)
_SENT_AGAIN: dict[str, Any] = {
    "retries": {"mode": "standard", "max_attempts": 4},
    "read_timeout": 10,
}
_SENT_ONCE: dict[str, Any] = {  # a statement that is slow may still take effect
    "retries": {"mode": "standard", "total_max_attempts": 1},
    "read_timeout": 50,  # the Data API ends a statement after 45
}
_SIGNS: dict[str, Any] = {  # else a form names S3's global address, which new buckets do not have
    "signature_version": "s3v4",
    "s3": {"us_east_1_regional_endpoint": "regional", "addressing_style": "virtual"},
}


class Parts:
    """The parts that were made of one environment, each on first use and by its name."""

    def __init__(self, environment: Mapping[str, str], **made: object) -> None:
        """Take the environment, and parts that are not to be made of it."""
        self._environment = environment
        self.made: dict[str, Any] = made
        self._lock = RLock()

    def once(self, name: str, make: Callable[[], T]) -> T:
        """Return the part of this name, and make it if there is none."""
        if name not in self.made:
            with self._lock:
                if name not in self.made:
                    self.made[name] = make()
        return cast("T", self.made[name])

    def client(self, service: str, *, signs: bool = False) -> Any:
        """Return the client of an AWS service; one that `signs` makes forms and links for S3."""
        name = f"signer:{service}" if signs else f"client:{service}"
        return self.once(name, partial(self._new_client, service, signs=signs))

    def _new_client(self, service: str, *, signs: bool) -> Any:
        import boto3  # noqa: PLC0415 - a function that calls nothing pays nothing
        from botocore.config import Config  # noqa: PLC0415

        config = Config(
            connect_timeout=2,
            max_pool_connections=64,
            **(_SENT_ONCE if service == "rds-data" else _SENT_AGAIN),
            **(_SIGNS if signs else {}),
        )
        made = cast("Any", boto3).client(service, config=config)
        tracer(self).watch(made)
        return made

    def now(self) -> datetime:
        """Return the current time, in UTC."""
        return clock(self)()

    def variable(self, name: str) -> str:
        """Return a variable of the environment, which has it."""
        return self._environment[name]

    def number(self, name: str) -> int:
        """Return a variable of the environment that is a number."""
        return int(self._environment[name])

    def optional(self, name: str) -> str:
        """Return a variable of the environment; empty if it has none."""
        return self._environment.get(name, "")

    def machine_arn(self, name: str) -> str:
        """Return the ARN of a machine of the stack by its file's name, such as `order-saga`."""
        return f"{self._environment['MACHINES']}{name}"


def _spread(variables: str) -> None:
    """Set the variables packed in one, a line each; keep a variable that is already set."""
    given = dict(line.split("=", 1) for line in variables.splitlines())
    os.environ |= {**given, **os.environ}


_spread(os.environ.get("SFN_CQRS_ENVIRONMENT", ""))  # of a project's own functions
DEPLOYED: Final = Parts(os.environ)
"""The parts of this process."""


class Part(Protocol[T_co]):
    """Makes a part once, of this process's parts or of others."""

    def __call__(self, parts: Parts = DEPLOYED, /) -> T_co:
        """Return the part."""


def part(make: Callable[[Parts], T]) -> Part[T]:
    """Make what a function returns on first use and keep it by the function's name."""

    @wraps(make)
    def made(parts: Parts = DEPLOYED, /) -> T:
        return parts.once(make.__name__, lambda: make(parts))

    return made


def reset() -> None:
    """Forget every client and part."""
    DEPLOYED.made.clear()


@contextmanager
def override(**parts: object) -> Iterator[None]:
    """Replace the parts with these names for the block, such as `processes=fake`."""
    before = dict(DEPLOYED.made)
    DEPLOYED.made.update(parts)
    try:
        yield
    finally:
        DEPLOYED.made.clear()
        DEPLOYED.made.update(before)


def prepare() -> None:
    """Make DynamoDB's client while Lambda starts; elsewhere it is made on first use.

    The start has at least one whole processor. The first call has what its memory buys: at 512 MB a
    third of a processor, where the same work takes three times as long.
    """
    if "AWS_LAMBDA_INITIALIZATION_TYPE" in os.environ:
        DEPLOYED.client("dynamodb")


@part
def clock(_: Parts) -> Callable[[], datetime]:
    """Return the source of the current time."""
    return lambda: datetime.now(UTC)


@part
def tracer(parts: Parts) -> Tracer:
    """Return the tracer, which records calls and handlers within the invocation's trace."""
    return Tracer(
        parts.optional("AWS_XRAY_DAEMON_ADDRESS"), lambda: parts.optional("_X_AMZN_TRACE_ID")
    )


@part
def at_once(_: Parts) -> Callable[[Callable[[Any], Any], Iterable[Any]], list[Any]]:
    """Return what runs work on several things at a time, on threads."""
    from sfn_cqrs.kernel.aws.threads import at_once  # noqa: PLC0415 - few functions have threads

    return at_once
