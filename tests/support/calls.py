"""The calls that functions make, one by one: seen, counted, interrupted."""

import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

T = TypeVar("T")


class KilledError(BaseException):
    """The process of a Lambda has died; no `except Exception` sees it."""


@dataclass(frozen=True)
class AwsCall:
    """A call: the how manieth of which invocation of which function."""

    function: str
    invocation: int
    number: int
    operation: str

    def __str__(self) -> str:
        return f"{self.function} {self.invocation}.{self.number} {self.operation}"


Observer = Callable[[AwsCall, str], object]


def moments_of(calls: Iterable[AwsCall]) -> list[tuple[AwsCall, str]]:
    """After each call, and before the first one of each invocation.

    Between a call and the next nothing happens: dying after one is dying before the other.
    """
    made = list(calls)
    firsts = [(call, "before") for call in made if call.number == 1]
    return [*firsts, *((call, "after") for call in made)]


@dataclass
class _Running:
    function: str
    invocation: int
    made: int = 0
    name: str = ""
    is_told_of: bool = False
    """What an observer calls meanwhile is nobody's."""


@dataclass
class Calls:
    """Tells observers of each call before and after it is made; they may raise."""

    observers: list[Observer] = field(default_factory=list)
    _own: threading.local = field(default_factory=threading.local)
    _invocations: Counter[str] = field(default_factory=Counter)

    @contextmanager
    def of(self, function: str) -> Iterator[None]:
        """The calls in here are an invocation's."""
        before = getattr(self._own, "running", None)
        self._invocations[function] += 1
        self._own.running = _Running(function, self._invocations[function])
        try:
            yield
        finally:
            self._own.running = before

    @contextmanager
    def observed_by(self, observer: Observer) -> Iterator[None]:
        """Somebody is told of the calls in here."""
        self.observers.append(observer)
        try:
            yield
        finally:
            self.observers.remove(observer)

    @contextmanager
    def recorded(self) -> Iterator[list[AwsCall]]:
        """Yield the calls that are made in here."""
        made: list[AwsCall] = []
        with self.observed_by(lambda call, moment: moment == "before" and made.append(call)):
            yield made

    @contextmanager
    def named(self, name: str) -> Iterator[None]:
        """The calls in here are told with a name before that of their operation."""
        running: _Running | None = getattr(self._own, "running", None)
        if running is not None:
            running.name = f"{name} "
        try:
            yield
        finally:
            if running is not None:
                running.name = ""

    def function(self) -> str | None:
        """The function that runs on this thread."""
        running: _Running | None = getattr(self._own, "running", None)
        return running.function if running else None

    def invocations(self, function: str) -> int:
        """How often a function has been invoked."""
        return self._invocations[function]

    def before(self, operation: str) -> None:
        running: _Running | None = getattr(self._own, "running", None)
        if running is not None and not running.is_told_of:
            running.made += 1
            self._tell(running, operation, "before")

    def after(self, operation: str) -> None:
        running: _Running | None = getattr(self._own, "running", None)
        if running is not None and not running.is_told_of:
            self._tell(running, operation, "after")

    @contextmanager
    def around(self, operation: str) -> Iterator[None]:
        """A call in here is told before it is made, and once it is answered or refused."""
        self.before(operation)
        try:
            yield
        except Exception:
            self.after(operation)
            raise
        self.after(operation)

    def _tell(self, running: _Running, operation: str, moment: str) -> None:
        call = AwsCall(running.function, running.invocation, running.made, running.name + operation)
        running.is_told_of = True
        try:
            for observer in self.observers:
                observer(call, moment)
        finally:
            running.is_told_of = False


class Watched:
    """An object whose methods count as calls; `told` is given each one's name and answer."""

    def __init__(
        self, target: Any, calls: Calls, told: Callable[[str, tuple[Any, ...], Any], None]
    ) -> None:
        self._target = target
        self._calls = calls
        self._told = told

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._target, name)
        if not callable(method):
            return method

        def watched(*args: Any, **kwargs: Any) -> Any:
            self._calls.before(name)
            answer = method(*args, **kwargs)
            self._told(name, args, answer)
            self._calls.after(name)
            return answer

        self.__dict__[name] = watched
        return watched


class Deaths:
    """Counts the calls of what is at work, and kills whoever makes a certain one, once."""

    def __init__(self, kill: tuple[int, str] | None = None) -> None:
        self.made = 0
        self.kill = kill
        self._is_at_work = False
        self._lock = threading.Lock()  # the parts of a report are read by several threads

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """Let the calls in here count."""
        self._is_at_work = True
        try:
            yield
        finally:
            self._is_at_work = False

    def retried(self, step: Callable[[], T]) -> T:
        """Do what a machine does with a function that dies."""
        with self.at_work():
            try:
                return step()
            except KilledError:
                return step()

    @contextmanager
    def around(self, _operation: str) -> Iterator[None]:
        """A call in here may be the last."""
        context: dict[str, Any] = {}
        self._before(context)
        try:
            yield
        finally:
            self._after(context)

    def watched(self, target: Any, name: str) -> None:
        """A method's calls may each be the last."""
        setattr(target, name, self.around(name)(getattr(target, name)))

    def hear(self, client: Any) -> None:
        """A client's calls may each be the last."""
        client.meta.events.register("before-call", self._before)
        client.meta.events.register("after-call", self._after)

    def _before(self, context: dict[str, Any], **_: Any) -> None:
        with self._lock:
            self.made += self._is_at_work
            context["number"] = self.made
        self._maybe_die(context["number"], "before")

    def _after(self, context: dict[str, Any], **_: Any) -> None:
        self._maybe_die(context["number"], "after")

    def _maybe_die(self, number: int, moment: str) -> None:
        if self._is_at_work and self.kill == (number, moment):
            self.kill = None
            raise KilledError
