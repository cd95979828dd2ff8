"""Runs handlers: one for one version, or all of them for many."""

import random
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import timedelta

from sfn_cqrs import bootstrap
from sfn_cqrs.kernel.aws.transient import is_busy
from sfn_cqrs.kernel.command import Command
from sfn_cqrs.kernel.errors import AppBrokenError, SyncHandlerError, TransientError, VersionGapError
from sfn_cqrs.kernel.failure import trace_of
from sfn_cqrs.kernel.functions.logs import logger
from sfn_cqrs.kernel.functions.runner import Runner
from sfn_cqrs.kernel.keys import ItemKey
from sfn_cqrs.kernel.models import models
from sfn_cqrs.kernel.notices import at_depth
from sfn_cqrs.kernel.read_models import rules
from sfn_cqrs.machines.command import handlers
from sfn_cqrs.machines.command.runner import write_row

TRIES = 8
SLOW = timedelta(seconds=1)
"""A version waits for its handlers, and an import for those of each row."""
_replays: ContextVar[bool] = ContextVar("replays", default=False)
_told_slow: set[str] = set()
"""Handlers of which this process has said that they are slow."""
_measured: ContextVar[dict[str, timedelta] | None] = ContextVar("measured", default=None)
"""How long handlers took, while somebody measures."""


@contextmanager
def measured() -> Iterator[dict[str, timedelta]]:
    """Give how long each handler takes within the block."""
    taken: dict[str, timedelta] = {}
    before = _measured.set(taken)
    try:
        yield taken
    finally:
        _measured.reset(before)


def is_replayed() -> bool:
    """Return whether handlers only write a read model anew, of versions that they have seen."""
    return _replays.get()


@contextmanager
def replaying() -> Iterator[None]:
    """Let handlers write their rows in the block, and nothing that follows of them."""
    before = _replays.set(True)
    try:
        yield
    finally:
        _replays.reset(before)


def project(key: ItemKey, version: int, handler: str) -> None:
    """Load a command and bring it to one read model.

    Raises:
        TransientError: the target is busy; try again.
        SyncHandlerError: the handler raised anything else.
        VersionGapError: the command is not stored.
    """
    if handler == handlers.DATA_ROW:  # the release before listed it, in an execution that goes on
        write_row(key, version)
        return
    command = bootstrap.commands().find(key, version)
    if command is None:
        raise VersionGapError(f"version {version} is not stored")
    run_handler(command, handler)


def run_handler(command: Command, name: str) -> None:
    """Run one of the user's handlers, for each generation of its read model that is written.

    Raises:
        TransientError: the handler says that another try may cure it, or AWS was busy.
        SyncHandlerError: the handler raised anything else.
        AppBrokenError: a module of the user's package cannot be imported.
    """
    program = _Bringing(command.key.tenant, name, lambda: run_alone(command, name))
    program.run(rules.bring())


class _Bringing(Runner[rules.Call]):
    """Runs a handler once, or twice while its read model is rebuilt."""

    def __init__(self, tenant: str, handler: str, run: Callable[[], object]) -> None:
        self._tenant, self._handler, self._run = tenant, handler, run

    def _make(self, call: rules.Call) -> object:
        generations = bootstrap.generations()
        match call:
            case rules.FindServing():
                view = generations.known(self._tenant).get(self._handler)
                return [view] if view else []
            case rules.Run(written):
                with generations.writing(self._tenant, written):
                    return self._run()
        raise AssertionError(call)


def run_alone(command: Command, name: str) -> None:
    """Run one of the user's handlers once, whichever generation it writes.

    Raises:
        TransientError: the handler says that another try may cure it, or AWS was busy.
        SyncHandlerError: the handler raised anything else.
        AppBrokenError: a module of the user's package cannot be imported.
    """
    if models.is_newer(command.key.type, command.shape):
        raise TransientError(
            f"newer code has published shape {command.shape} of {command.key.type}"
        )
    try:
        hiding = models.hiding_of(command.key.tenant, command.key.type, command.attributes)
        segment, below = bootstrap.tracer().segment(f"handler {name}"), at_depth(command.depth)
        with hiding, segment, below, _timed(name, tells=True):
            handlers.find(command.key.type, name)(command)
    except TransientError as error:
        raise TransientError(f"{name}: {error}") from error
    except AppBrokenError:
        raise
    except Exception as error:
        kind = TransientError if is_busy(error) else SyncHandlerError
        message = f"{name}: {type(error).__name__}: {error}"
        raise kind(f"{message}\n{trace_of(error)}".rstrip()) from error


@contextmanager
def _timed(name: str, *, tells: bool) -> Iterator[None]:
    """Measure a handler; warn once of one that takes long."""
    began = bootstrap.now()
    try:
        yield
    finally:
        lasted = bootstrap.now() - began
        taken = _measured.get()
        if taken is not None:
            taken[name] = taken.get(name, timedelta()) + lasted
        if tells and lasted >= SLOW and name not in _told_slow:
            _told_slow.add(name)
            seconds = lasted.total_seconds()
            logger.warning(f"{name} took {seconds:.1f} s; each version waits for it", handler=name)


def run_patiently(
    command: Command, name: str, run: Callable[[Command, str], None] = run_handler
) -> None:
    """Run a handler, and retry what may pass.

    Raises:
        TransientError: it did not pass.
        SyncHandlerError: the handler raised anything else.
    """
    for attempt in range(TRIES):
        try:
            return run(command, name)
        except TransientError:
            if attempt == TRIES - 1:
                raise
            time.sleep(random.uniform(0, 0.02 * 2**attempt))
    return None


def project_many(type_: str, commands: Sequence[Command]) -> list[Command]:
    """Bring applied commands of different items to the read models; return those that failed.

    Raises:
        TransientError: a target stays busy; everything may be run again.
    """
    failed: list[Command] = []
    if not commands:
        return failed
    for name in handlers.names_of(type_):
        if not _ran_in_bulk(type_, name, commands):
            failed += [command for command in commands if _fails(command, name)]
    return failed


def _ran_in_bulk(type_: str, name: str, commands: Sequence[Command]) -> bool:
    """Return whether all are done at once; if not, single runs find the faulty ones."""
    bulk = handlers.find_bulk(type_, name)
    if bulk is None or any(models.is_newer(type_, command.shape) for command in commands):
        return False
    try:
        tenant = commands[0].key.tenant
        hiding = models.hiding_of(tenant, type_, *(each.attributes for each in commands))
        below = at_depth(max(each.depth for each in commands))
        segment, time_of = bootstrap.tracer().segment(f"handler {name}"), _timed(name, tells=False)
        with hiding, segment, below, time_of:
            program = _Bringing(tenant, name, lambda: bulk(commands))
            program.run(rules.bring())
    except Exception:
        logger.exception("commands are brought to a read model one by one", handler=name)
        return False
    return True


def _fails(command: Command, name: str) -> bool:
    try:
        run_patiently(command, name)
    except SyncHandlerError:
        logger.exception(
            "a handler failed",
            handler=name,
            type=command.key.type,
            code=command.key.code,
            version=command.version,
        )
        return True
    return False
