"""Rebuilds from the outside: begin, look, switch, for operators."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import chain
from typing import Final

from sfn_cqrs import bootstrap
from sfn_cqrs.kernel.caller import Caller
from sfn_cqrs.kernel.clock import iso
from sfn_cqrs.kernel.command import Audit
from sfn_cqrs.kernel.errors import InvalidInputError, NotRebuildableError, WrongStageError
from sfn_cqrs.kernel.keys import checked_tenant
from sfn_cqrs.kernel.programs import Execution
from sfn_cqrs.kernel.read_models.rules import (
    Begin,
    Cancel,
    Compare,
    Counts,
    Discard,
    Drop,
    Place,
    Problem,
    ProblemKey,
    Resume,
    Rollback,
    Segment,
    Stage,
    Switch,
    View,
    ViewKey,
    ViewWrite,
)
from sfn_cqrs.kernel.tables.paging import Page
from sfn_cqrs.machines.command import handlers, read_models


@dataclass(frozen=True, slots=True)
class Progress:
    """A read model's stage, and the progress of that stage's work.

    `rate` is items or rows a second and `eta` seconds, where they are known. `run` is the execution
    that works, or has worked. `has_stopped` means that work is left but no execution runs; resume
    it.
    """

    view: View
    counts: Counts = field(default_factory=Counts)
    expected: int | None = None
    rate: float | None = None
    eta: float | None = None
    run: Execution | None = None
    has_stopped: bool = False


class RebuildService:
    """The read models of a tenant, and the next generation of each."""

    def __init__(self, tenant: str) -> None:
        """Work for one tenant, for operators and for code.

        Raises:
            InvalidInputError: no key can hold this tenant.
        """
        self._tenant = checked_tenant(tenant)

    def list(self) -> list[View]:
        """Return every read model that a handler writes, by name."""
        stored = bootstrap.generations().all(self._tenant)
        known = {one.key.view: one for one in stored if not _is_discarded(one)}
        names = sorted({*handlers.all_names(), *known})
        return [known.get(name) or _new(ViewKey(self._tenant, name)) for name in names]

    def get(self, name: str) -> Progress:
        """Return a read model's stage, and the progress of its work.

        Raises:
            NotRebuildableError: no handler writes it.
        """
        return _progress(self._found(name))

    def rebuild(self, name: str, caller: Caller, *, is_every_version: bool = False) -> Progress:
        """Begin the next generation.

        If it has begun already, make sure that an execution works on it.

        Args:
            name: the read model's, which is its handler's.
            caller: the operator who requests it.
            is_every_version: replay the history too, each item's versions in order.

        Raises:
            NotRebuildableError: no handler writes it.
            WrongStageError: it has another generation already.
        """
        new = _registered(_new(ViewKey.checked(self._tenant, name), caller))
        bootstrap.views().create(new)
        begin = Begin(new.types, new.place, is_every_version, new.patience)
        written = bootstrap.views().change(new.key, begin)
        view = written.record or new
        if view.stage is not Stage.REPLAYING:
            raise WrongStageError(f"{name} is {view.stage}; {_HELP[view.stage]}")
        return self._work_on(view)

    def resume(self, name: str) -> Progress:
        """Continue where the work has stopped, and replay the segments with failed items again.

        Raises:
            NotRebuildableError: no handler writes it.
            WrongStageError: there is nothing to resume.
        """
        view = self._found(name)
        return self._work_on(self._change(name, Resume(view.attempt)))

    def cancel(self, name: str) -> Progress:
        """Stop the work. The next generation is still written, and the work can be resumed.

        Raises:
            NotRebuildableError: no handler writes it.
            WrongStageError: nothing is replayed or compared.
        """
        return _progress(self._change(name, Cancel()))

    def compare(self, name: str) -> Progress:
        """Compare the generations again.

        Raises:
            NotRebuildableError: no handler writes it.
            WrongStageError: the next generation is not complete.
        """
        return self._work_on(self._change(name, Compare()))

    def switch(self, name: str, *, with_failed: bool = False) -> Progress:
        """Serve the next generation. Handlers still write the old one, so you can roll back.

        Raises:
            NotRebuildableError: no handler writes it.
            WrongStageError: the next generation is not complete, or items have failed and are not
                accepted.
        """
        return _progress(self._change(name, Switch(with_failed)))

    def rollback(self, name: str) -> Progress:
        """Serve the old generation again.

        Raises:
            NotRebuildableError: no handler writes it.
            WrongStageError: it was not switched.
        """
        return _progress(self._change(name, Rollback()))

    def drop(self, name: str) -> Progress:
        """Delete the generation that is not read.

        Raises:
            NotRebuildableError: no handler writes it.
            WrongStageError: there is none, or some function may still read it.
        """
        return self._work_on(self._change(name, Drop()))

    def discard(self, name: str, caller: Caller) -> Progress:
        """Delete the rows of a read model that no handler is named after and nobody declares.

        Raises:
            NotRebuildableError: a handler is named after it, or it is declared.
            WrongStageError: it has another generation; end its rebuild first.
        """
        new = _unwritten(_new(ViewKey.checked(self._tenant, name), caller))
        bootstrap.views().create(new)
        view = bootstrap.views().change(new.key, Discard(new.patience)).record or new
        if view.stage is not Stage.DROPPING:
            raise WrongStageError(f"{name} is {view.stage}; {_HELP[view.stage]}")
        return self._work_on(view)

    def problems(self, name: str, *, limit: int, cursor: str | None = None) -> Page[Problem]:
        """Return a page of the items that failed, or of the rows that differ; limit 1 to 100.

        Those of the replay come first, then those of the last comparison.

        Raises:
            NotRebuildableError: no handler writes it.
            InvalidInputError: the limit or the cursor does not belong to this list.
        """
        stages = (Stage.REPLAYING, Stage.COMPARING)
        found = _segments(self._found(name), stages)
        places = [one.problems_pk for one in found if one.counts.skipped or one.counts.failed]
        index, within = _read_cursor(cursor)
        while index < len(places):
            page = bootstrap.problems().page(ProblemKey(places[index], ""), limit, within)
            if page.items or page.next_cursor:
                following = page.next_cursor or ("" if index + 1 < len(places) else None)
                if page.next_cursor is None:
                    index += 1
                return Page(page.items, None if following is None else f"{index}.{following}")
            index, within = index + 1, None
        return Page([])

    def _change(self, name: str, write: ViewWrite) -> View:
        written = bootstrap.views().change(self._found(name).key, write)
        if written.record is None:
            raise WrongStageError(f"{name} was never rebuilt; {_HELP[Stage.SERVING]}")
        view = written.record
        if not written.done and view.stage is not _LEADS_TO.get(type(write)):
            raise WrongStageError(f"{name} is {view.stage}{_why_not(view, write)}")
        return view

    def _work_on(self, view: View) -> Progress:
        bootstrap.rebuild_executions().start(view.ref)
        return _progress(view)

    def _found(self, name: str) -> View:
        key = ViewKey.checked(self._tenant, name)
        return bootstrap.views().find(key) or _registered(_new(key))


MAX_DIGITS = 9
_UNSEEN: Final = timedelta(minutes=1)
"""DescribeExecution is eventually consistent: it may not yet know an execution just started."""
_LEADS_TO = {
    Cancel: Stage.CANCELLED,
    Compare: Stage.COMPARING,
    Switch: Stage.SWITCHED,
    Rollback: Stage.READY,
    Drop: Stage.DROPPING,
}
"""The stage after each change: a repeated request, as after a lost answer, is done already."""
_HELP = {
    Stage.SERVING: "rebuild it",
    Stage.REPLAYING: "wait for its end, or cancel it",
    Stage.COMPARING: "wait for its end, or cancel it",
    Stage.READY: "compare it again, switch to it, or drop it",
    Stage.SWITCHED: "roll back, or drop the old generation",
    Stage.CANCELLED: "resume it, or drop it",
    Stage.DROPPING: "wait for its end, or resume it",
}


def _why_not(view: View, write: ViewWrite) -> str:
    if isinstance(write, Drop) and view.stage in (Stage.READY, Stage.SWITCHED):
        return f": some functions may read the other generation until {view.begins_at}"
    if isinstance(write, Switch) and view.stage is Stage.READY:
        failed = view.replayed.failed
        return f", and {failed} items have failed: resume it, or switch with them left out"
    return f"; {_HELP[view.stage]}"


def _new(key: ViewKey, caller: Caller | None = None) -> View:
    at = iso(bootstrap.now())
    by = caller or Caller()
    return View(
        key=key,
        types=tuple(handlers.types_of(key.view)),
        place=Place.POSTGRES if key.view in read_models.tables() else Place.DYNAMODB,
        created=Audit(at, by.user, by.ip),
        since=at,
        patience=bootstrap.generations().patience,
    )


def _unwritten(new: View) -> View:
    name = new.key.view
    if any(name in named for named in handlers.registry.sync.values()):
        raise NotRebuildableError(f"the handler {name} writes it; remove the handler first")
    if name in read_models.types() or name in read_models.tables():
        raise NotRebuildableError(f"{name} is declared; remove the declaration first")
    return new


def _is_discarded(view: View) -> bool:
    return view.stage is Stage.SERVING and not view.types and not handlers.types_of(view.key.view)


def _registered(new: View) -> View:
    if not new.types:
        known = ", ".join(handlers.all_names())
        raise NotRebuildableError(f"no sync handler is called {new.key.view}; there are: {known}")
    return new


def _progress(view: View) -> Progress:
    if not view.stage.is_work:
        return Progress(view)
    run = bootstrap.rebuild_executions().describe(view.ref)
    has_stopped = run is None or not run.is_running
    if has_stopped:
        later = bootstrap.views().find(view.key)  # it has ended since, and wrote so before
        if later is not None and later != view:
            return _progress(later)
        has_stopped = run is not None or _age(view.updated_at) > _UNSEEN
    found = _segments(view, [view.stage])
    counts, rate = sum((one.counts for one in found), Counts()), _rate(found)
    progress = Progress(view, counts, rate=rate, run=run, has_stopped=has_stopped)
    known = [one.expected for one in found if one.expected is not None]
    if not known:
        return progress
    expected = sum(known) * len(view.segments()) // len(known)
    left = max(expected - counts.total, 0)
    return replace(progress, expected=expected, eta=round(left / rate) if rate else None)


def _age(at: str) -> timedelta:
    return bootstrap.now() - datetime.fromisoformat(at)


def _rate(found: list[Segment]) -> float | None:
    """Return what this attempt counts per second, since it began with its first segment."""
    mine = [one for one in found if one.attempt == max(each.attempt for each in found)]
    if not mine:
        return None
    seconds = _age(min(one.opened_at for one in mine)).total_seconds()
    counted = sum(one.counts.total - one.before for one in mine)
    return counted / seconds if seconds > 0 and counted else None


def _segments(view: View, stages: Iterable[Stage]) -> list[Segment]:
    """Return the stored segments of some stages; of comparisons, those of the last one."""
    lists = [bootstrap.segments().all(view.segment_key("", stage)) for stage in stages]
    return sorted(chain(*lists), key=lambda one: one.key.sk, reverse=True)


def _read_cursor(cursor: str | None) -> tuple[int, str | None]:
    index, _, within = (cursor or "0.").partition(".")
    if not index.isdecimal() or len(index) > MAX_DIGITS:
        raise InvalidInputError("cursor", "is not a cursor of this list")
    return int(index), within or None
