"""Finalization hooks: functions of the user's package that run after an archive's import."""

from collections.abc import Callable
from dataclasses import dataclass

from sfn_cqrs.kernel.aws.transient import naming_busy
from sfn_cqrs.kernel.errors import BusyError, ItemTimeoutError, TransientError
from sfn_cqrs.kernel.failure import place_of
from sfn_cqrs.kernel.functions.logs import logger
from sfn_cqrs.kernel.functions.time_limit import time_limit
from sfn_cqrs.kernel.keys import ZipKey
from sfn_cqrs.kernel.masking import masked
from sfn_cqrs.kernel.notices import at_depth
from sfn_cqrs.machines.command import handlers
from sfn_cqrs.machines.import_csv.results import Counts
from sfn_cqrs.machines.zip_orchestrator.job import ArchivedFile, ZipJob

HOOK_SECONDS = 60
MARGIN_SECONDS = 10
MAX_ERROR_CHARACTERS = 1_000


@dataclass(frozen=True, slots=True)
class FinishedImport:
    """An ended import of an archive, with its files."""

    job: ZipJob
    files: tuple[ArchivedFile, ...]

    @property
    def tenant(self) -> str:
        """Return the import's tenant."""
        return self.job.key.tenant

    @property
    def id(self) -> str:
        """Return the import's public id."""
        return self.job.key.id

    @property
    def counts(self) -> Counts:
        """Return the counts of the rows of all files together."""
        return self.job.ending.counts if self.job.ending else Counts()


ImportHook = Callable[[FinishedImport], None]
_hooks: dict[str, ImportHook] = {}


def on_import_finished(hook: ImportHook) -> ImportHook:
    """Register a function that runs once after each import of an archive.

    It runs after the status is written, for at most 60 seconds, and at least once per import.
    Raise `TransientError` if another try may help. Any other error is recorded in the job and
    raises an alarm; the status stays, and the other hooks still run.
    """
    name = hook.__name__
    namesake = _hooks.get(name, hook)
    if namesake.__module__ != hook.__module__:
        raise ValueError(f"{name!r} is a hook of {namesake.__module__} already; rename one")
    _hooks[name] = hook
    return hook


def run_hooks(
    finished: FinishedImport,
    done: dict[str, str],
    keep: Callable[[ZipKey, str, str], None],
    remaining_ms: Callable[[], int],
    *,
    is_late: bool,
) -> dict[str, str]:
    """Run the hooks that have not run yet, each on its own; return the results of all.

    Raises:
        TransientError: a hook asks for another try, or too little time is left for one.
    """
    handlers.load()
    went, again = dict(done), ""
    for name, hook in sorted(_hooks.items()):
        if name in went:
            continue
        if remaining_ms() < (HOOK_SECONDS + MARGIN_SECONDS) * 1000:
            raise TransientError(f"no time is left for the hook {name}")
        try:
            error = _error_of(name, hook, finished, is_late=is_late)
        except TransientError as asks:
            again = f"{name}: {asks}"
            continue
        keep(finished.job.key, name, error)
        went[name] = error
    if again:
        raise TransientError(again)
    return went


def _error_of(name: str, hook: ImportHook, finished: FinishedImport, *, is_late: bool) -> str:
    """Run a hook and return its error; the text is empty if the hook succeeded."""
    try:
        with naming_busy(), time_limit(HOOK_SECONDS), at_depth(finished.job.depth):
            hook(finished)
    except BusyError:
        raise
    except TransientError as error:
        if not is_late:
            raise
        failure: BaseException = error
    except ItemTimeoutError:
        failure = TimeoutError(f"it took longer than {HOOK_SECONDS} s")
    except Exception as error:  # a hook's error must not stop the others
        failure = error
    else:
        return ""
    logger.warning("a finalization hook failed", exc_info=failure, hook=name, job=finished.id)
    place = place_of(failure)
    reason = masked(f"{type(failure).__name__}: {failure}")[:MAX_ERROR_CHARACTERS]
    return f"{reason} ({place})" if place else reason
