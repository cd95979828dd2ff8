"""Erasures of people: asking for one, confirming it, and working on those that are open."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from sfn_cqrs import bootstrap
from sfn_cqrs.care.erasure.eraser import (
    CHAINS,
    TABLES,
    Eraser,
    Known,
    keeps_anything,
    read,
    segments,
)
from sfn_cqrs.kernel.aws.attributes_bucket import ERASURES
from sfn_cqrs.kernel.clock import iso
from sfn_cqrs.kernel.command import Audit
from sfn_cqrs.kernel.erasure import (
    MOST_OPEN,
    AskAgain,
    Begin,
    Confirm,
    DoAgain,
    EndPass,
    Erasure,
    Reach,
    Refuse,
    Status,
    certificate,
    in_turns,
)
from sfn_cqrs.kernel.errors import InvalidInputError, NotFoundError, TooManyErasuresError
from sfn_cqrs.kernel.functions.logs import logger
from sfn_cqrs.kernel.keys import ErasureKey, ItemKey, checked_key_part
from sfn_cqrs.kernel.records import Write
from sfn_cqrs.kernel.tables.paging import DEFAULT_LIMIT, Page
from sfn_cqrs.kernel.values import Json
from sfn_cqrs.machines.command import handlers

MAX_REASON = 500


class ErasureService:
    """The erasures of a tenant's people."""

    def __init__(self, tenant: str) -> None:
        """Work for one tenant."""
        self._tenant = tenant

    def ask(
        self, subject: object, reason: object, by: Audit, not_kept: Sequence[object] = ()
    ) -> Erasure:
        """Ask for a person to be erased, as the field that `subject=` names has them.

        If the package declares `erasures(two_people=True)`, somebody else has to confirm it.
        `not_kept` are items, such as BILL/b-1, that no law keeps whatever their type says; then
        somebody else always has to confirm it.

        Raises:
            InvalidInputError: the subject or the reason cannot be kept.
            TooManyErasuresError: the tenant has its maximum of open erasures.
        """
        person = checked_key_part(subject, "subject")
        if not isinstance(reason, str) or not 0 < len(reason.strip()) <= len(reason) <= MAX_REASON:
            raise InvalidInputError("reason", f"must be a text of at most {MAX_REASON} characters")
        key, table = ErasureKey.of(self._tenant, person), bootstrap.erasures()
        items = tuple(self._item(one) for one in not_kept)
        needs_two = bool(items) or handlers.erasure_needs_two()
        status = Status.ASKED if needs_two else Status.READY
        found = table.find(key)
        if found is None or not found.status.is_open:
            self._check_open()
        asked = Erasure(key=key, reason=reason, created=by, status=status, not_kept=items)
        if found is None and table.create(asked):
            return asked
        return self._change(key, AskAgain(reason, by, status, items))

    def _item(self, name: object) -> str:
        """Return the name of an item, such as BILL/b-1."""
        type_, _, code = name.partition("/") if isinstance(name, str) else ("", "", "")
        try:
            key = ItemKey.checked(self._tenant, type_, code)
        except InvalidInputError as error:
            raise InvalidInputError("notKept", "must be items such as BILL/b-1") from error
        return f"{key.type}/{key.code}"

    def _check_open(self) -> None:
        """Refuse what would keep those of all others waiting."""
        ours = sum(one.key.tenant == self._tenant for one in bootstrap.erasures().open())
        if ours >= MOST_OPEN:
            raise TooManyErasuresError(MOST_OPEN)

    def confirm(self, id_: str, by: str) -> Erasure:
        """Agree to an erasure that somebody else has asked for.

        Raises:
            NotFoundError: there is no such erasure.
            FourEyesError, NotOpenError: why not.
            TooManyErasuresError: the tenant has its maximum of open erasures.
        """
        self._check_open()
        return self._change(ErasureKey.named(self._tenant, id_), Confirm(by))

    def get(self, id_: str) -> Erasure:
        """Return an erasure.

        Raises:
            NotFoundError: there is none with this id.
        """
        found = bootstrap.erasures().find(ErasureKey.named(self._tenant, id_))
        if found is None:
            raise NotFoundError(f"the erasure {id_} does not exist")
        return found

    def list(self, *, limit: int = DEFAULT_LIMIT, cursor: str | None = None) -> Page[Erasure]:
        """Return a page of the erasures; limit 1 to 100."""
        return bootstrap.erasures().page(ErasureKey(self._tenant, ""), limit, cursor)

    def _change(self, key: ErasureKey, write: Write[Erasure]) -> Erasure:
        written = bootstrap.erasures().change(key, write)
        if written.record is None:
            raise NotFoundError(f"the erasure {key.id} does not exist")
        return written.record


STEPS = len(segments(TABLES)) + 3
"""The steps of a pass: the tables in parts, and what comes after them."""


def plan(
    tenant: str, subject: str, is_late: Callable[[], bool], begun: Mapping[str, Any] | None = None
) -> dict[str, Json]:
    """Return what an erasure would find, without changing anything; go on with what has begun."""
    key = ErasureKey.of(tenant, checked_key_part(subject, "subject"))
    handlers.load()
    eraser = Eraser(_asked_about(key, begun or {}), writes=False)
    step = _plan(eraser, is_late)
    found = eraser.found
    counts: dict[str, Json] = dict(found.counts)
    return {
        "id": key.id,
        "step": step,
        "steps": STEPS,
        "isComplete": step == STEPS,
        "found": counts,
        "left": list(found.left),
        "keptUntil": found.kept_until,
        "kept": list(found.kept),
    }


def _asked_about(key: ErasureKey, begun: Mapping[str, Any]) -> Erasure:
    """Return an erasure that nobody has asked for, as far as its plan is."""
    return Erasure(
        key=key,
        reason="",
        created=Audit(""),
        step=begun.get("step", 0),
        counts=begun.get("found", {}),
        left=tuple(begun.get("left", ())),
        kept_until=begun.get("keptUntil", ""),
        kept=tuple(begun.get("kept", ())),
    )


def _plan(eraser: Eraser, is_late: Callable[[], bool]) -> int:
    """Look everywhere, as far as there is time; return the step that is next."""
    known, steps = Known(), list[Callable[[], None]]()
    steps += [partial(read, one, known, [eraser]) for one in segments(TABLES)]
    steps += eraser.ends()
    for number in range(eraser.erasure.step, STEPS):
        if is_late():
            return number
        steps[number]()
    return STEPS


def work(erasure: Erasure, is_late: Callable[[], bool]) -> Erasure:
    """Do as much of an erasure as there is time for, and return it as it is then."""
    (after,) = work_together([erasure], is_late)
    return after


def work_at_once(tenant: str, id_: str, is_late: Callable[[], bool]) -> dict[str, Json]:
    """Go on with an erasure's pass; return its certificate, and which step is next."""
    before = ErasureService(tenant).get(id_)
    after = work(before, is_late)
    is_over = after.passes != before.passes or not after.is_due(iso(bootstrap.now()))
    return {**certificate(after), "step": STEPS if is_over else after.step, "steps": STEPS}


def work_together(erasures: Sequence[Erasure], is_late: Callable[[], bool]) -> list[Erasure]:
    """Do as much of some erasures as there is time for, each table read once for all of them."""
    handlers.load()
    now, known = iso(bootstrap.now()), Known()
    begun = {one.key: one for one in erasures}
    begun |= _begin([one for one in erasures if one.status is Status.READY], known, is_late)
    due = [one for one in begun.values() if one.status is Status.RUNNING and one.is_due(now)]
    erasers = [Eraser(one, known, writes=True) for one in due]
    for eraser in _gone_through(erasers, TABLES, known, is_late):
        found = eraser.found
        ended = EndPass(eraser.erasure.passes, found.counts, tuple(found.left), found.changed)
        _keep_certificate(_change(eraser.erasure, ended))
    return [bootstrap.erasures().find(one.key) or one for one in begun.values()]


def work_on_all(is_late: Callable[[], bool]) -> int:
    """Work on the open erasures, some together; return how many are due."""
    due: set[ErasureKey] = set()
    while not is_late():
        now = iso(bootstrap.now())
        some = in_turns(one for one in bootstrap.erasures().open() if one.is_due(now))
        if not some or due.issuperset(one.key for one in some):
            break
        due |= {one.key for one in some}
        for after in work_together(some, is_late):
            logger.info("an erasure", erasure=after.key.id, status=str(after.status))
    return len(due)


def replay() -> int:
    """Ask again for every erasure whose certificate is in the bucket; return how many.

    After a restore the tables may know nothing of an erasure, and have what it had erased.
    """
    bucket, count = bootstrap.attributes(), 0
    for name in bucket.names(f"{ERASURES}/"):
        do_again(bucket.load(name))
        count += 1
    return count


def do_again(kept: dict[str, Json]) -> None:
    """Ask again for the erasure that a certificate is of; its person is erased from now on."""
    key = ErasureKey(str(kept["tenant"]), str(kept["id"]))
    by = Audit(str(kept["askedAt"]), str(kept["askedBy"]))
    requests: Any = kept.get("requests") or []
    again = Erasure(
        key=key,
        reason=str(kept["reason"]),
        created=by,
        status=Status.RUNNING,
        confirmed_by=str(kept.get("confirmedBy", "")),
        confirmed_at=str(kept.get("confirmedAt", "")),
        requests=tuple(requests),
    )
    if not bootstrap.erasures().create(again):
        _change(again, DoAgain())


def _begin(
    ready: Sequence[Erasure], known: Known, is_late: Callable[[], bool]
) -> dict[ErasureKey, Erasure]:
    """Refuse what a law forbids; else write the certificate first, and then the tombstone."""
    begun: dict[ErasureKey, Erasure] = {}
    erasers = [Eraser(one, known, writes=False) for one in ready]
    law = CHAINS if keeps_anything() else ()
    for eraser in _gone_through(erasers, law, known, is_late, has_ends=False):
        found, erasure = eraser.found, eraser.erasure
        if found.kept_until:
            begun[erasure.key] = _change(erasure, Refuse(found.kept_until, tuple(found.kept)))
        else:
            _keep_certificate(erasure)
            begun[erasure.key] = _change(erasure, Begin())
    return begun


def _gone_through(
    erasers: Sequence[Eraser],
    tables: Sequence[str],
    known: Known,
    is_late: Callable[[], bool],
    *,
    has_ends: bool = True,
) -> Iterator[Eraser]:
    """Make the steps that are left, and yield each erasure when it is through.

    Where the time is over, each keeps how far it is.
    """
    places = segments(tables)
    for number, place in enumerate(places):
        here = [one for one in erasers if one.erasure.step <= number]
        if here and is_late():
            for eraser in here:
                _reach(eraser, number)
            return
        if here:
            read(place, known, here)
    for eraser in erasers:
        if _has_ended(eraser, len(places), is_late, has_ends=has_ends):
            yield eraser


def _has_ended(eraser: Eraser, first: int, is_late: Callable[[], bool], *, has_ends: bool) -> bool:
    """Make the last steps of one erasure; return False if the time is over."""
    for number, step in enumerate(eraser.ends() if has_ends else [], first):
        if number < eraser.erasure.step:
            continue
        if is_late():
            _reach(eraser, number)
            return False
        step()
    return True


def _reach(eraser: Eraser, step: int) -> None:
    found, passes = eraser.found, eraser.erasure.passes
    left, kept = tuple(found.left), tuple(found.kept)
    reach = Reach(passes, step, found.counts, left, found.changed, found.kept_until, kept)
    _change(eraser.erasure, reach)


def _change(erasure: Erasure, write: Write[Erasure]) -> Erasure:
    written = bootstrap.erasures().change(erasure.key, write)
    return written.record or erasure


def _keep_certificate(erasure: Erasure) -> None:
    """Keep the certificate outside of the tables, so that a restore of theirs does not undo it."""
    tenant, id_ = erasure.key.tenant, erasure.key.id
    bootstrap.attributes().store(tenant, id_, certificate(erasure), folder=ERASURES)
