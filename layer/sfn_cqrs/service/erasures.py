"""Erasures of people: asking for one, confirming it, and working on those that are open."""

from collections.abc import Callable

from sfn_cqrs import bootstrap
from sfn_cqrs.adapters.attributes_bucket import ERASURES
from sfn_cqrs.adapters.paging import DEFAULT_LIMIT, Page
from sfn_cqrs.domain.clock import iso
from sfn_cqrs.domain.command import Audit
from sfn_cqrs.domain.erasure import (
    AskAgain,
    Begin,
    Confirm,
    EndPass,
    Erasure,
    Reach,
    Refuse,
    Status,
    certificate,
)
from sfn_cqrs.domain.errors import InvalidInputError, KeptError, NotFoundError
from sfn_cqrs.domain.keys import ErasureKey, checked_key_part
from sfn_cqrs.domain.records import Write
from sfn_cqrs.domain.values import Json
from sfn_cqrs.service import handlers
from sfn_cqrs.service.eraser import Eraser, Found, keeps_anything
from sfn_cqrs.service.logs import logger

MAX_REASON = 500


class ErasureService:
    """The erasures of a tenant's people."""

    def __init__(self, tenant: str) -> None:
        """Work for one tenant."""
        self._tenant = tenant

    def ask(self, subject: object, reason: object, by: Audit) -> Erasure:
        """Ask for a person to be erased, as the field that `subject=` names has them.

        If the package declares `erasures(two_people=True)`, somebody else has to confirm it.

        Raises:
            InvalidInputError: the subject or the reason cannot be kept.
            KeptError: a type's `keep=` forbids it until a moment.
        """
        person = checked_key_part(subject, "subject")
        if not isinstance(reason, str) or not 0 < len(reason.strip()) <= len(reason) <= MAX_REASON:
            raise InvalidInputError("reason", f"must be a text of at most {MAX_REASON} characters")
        key, table = ErasureKey.of(self._tenant, person), bootstrap.erasures()
        status = Status.ASKED if handlers.erasure_needs_two() else Status.READY
        asked = Erasure(key=key, reason=reason, created=by, status=status)
        found = table.find(key)
        if found is not None and found.kept_until > by.at:
            raise KeptError(found.kept_until)
        if found is None and table.create(asked):
            return asked
        return self._changed(key, AskAgain(reason, by, status))

    def confirm(self, id_: str, by: str) -> Erasure:
        """Agree to an erasure that somebody else has asked for.

        Raises:
            NotFoundError: there is no such erasure.
            FourEyesError, NotOpenError: why not.
        """
        return self._changed(ErasureKey.named(self._tenant, id_), Confirm(by))

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

    def _changed(self, key: ErasureKey, write: Write[Erasure]) -> Erasure:
        written = bootstrap.erasures().change(key, write)
        if written.record is None:
            raise NotFoundError(f"the erasure {key.id} does not exist")
        return written.record


def plan(tenant: str, subject: str, is_late: Callable[[], bool]) -> dict[str, Json]:
    """Return what an erasure would find, without changing anything."""
    key = ErasureKey.of(tenant, checked_key_part(subject, "subject"))
    handlers.load()
    eraser = Eraser(Erasure(key=key, reason="", created=Audit("")), writes=False)
    is_complete = True
    for step in eraser.steps():
        if is_late():
            is_complete = False
            break
        step()
    found = eraser.found
    counts: dict[str, Json] = dict(found.counts)
    return {
        "id": key.id,
        "isComplete": is_complete,
        "found": counts,
        "left": list(found.left),
        "keptUntil": found.kept_until,
    }


def work(erasure: Erasure, is_late: Callable[[], bool]) -> Erasure:
    """Do as much of an erasure as there is time for, and return it as it is then."""
    handlers.load()
    now = iso(bootstrap.now())
    if erasure.status is Status.READY:
        erasure = _begun(erasure, is_late)
    if erasure.status is Status.RUNNING and erasure.is_due(now):
        eraser = Eraser(erasure, writes=True)
        if _gone_through(erasure, eraser.steps(), eraser.found, is_late):
            found = eraser.found
            ended = EndPass(erasure.passes, found.counts, tuple(found.left), found.changed)
            erasure = _changed(erasure, ended)
            _keep_certificate(erasure)
        else:
            erasure = bootstrap.erasures().find(erasure.key) or erasure
    return erasure


def work_on_all(is_late: Callable[[], bool]) -> int:
    """Work on every open erasure; return how many are due."""
    now, due = iso(bootstrap.now()), 0
    for erasure in bootstrap.erasures().open():
        if is_late():
            break
        if erasure.is_due(now):
            due += 1
            after = work(erasure, is_late)
            logger.info("an erasure", erasure=after.key.id, status=str(after.status))
    return due


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
    again = Erasure(key=key, reason=str(kept["reason"]), created=by, status=Status.RUNNING)
    if not bootstrap.erasures().create(again):
        _changed(again, AskAgain(again.reason, by, Status.RUNNING))


def _begun(erasure: Erasure, is_late: Callable[[], bool]) -> Erasure:
    """Refuse what a law forbids; else write the certificate first, and then the tombstone."""
    if keeps_anything():
        eraser = Eraser(erasure, writes=False)
        if not _gone_through(erasure, eraser.law(), eraser.found, is_late):
            return bootstrap.erasures().find(erasure.key) or erasure
        if eraser.found.kept_until:
            return _changed(erasure, Refuse(eraser.found.kept_until))
    _keep_certificate(erasure)
    return _changed(erasure, Begin())


def _gone_through(
    erasure: Erasure,
    steps: list[Callable[[], None]],
    found: Found,
    is_late: Callable[[], bool],
) -> bool:
    """Make the steps that are left; return False if the time is over, and keep how far it is."""
    for number in range(erasure.step, len(steps)):
        if is_late():
            so_far = (found.counts, tuple(found.left), found.changed, found.kept_until)
            reach = Reach(erasure.passes, number, *so_far)
            _changed(erasure, reach)
            return False
        steps[number]()
    return True


def _changed(erasure: Erasure, write: Write[Erasure]) -> Erasure:
    written = bootstrap.erasures().change(erasure.key, write)
    return written.record or erasure


def _keep_certificate(erasure: Erasure) -> None:
    """Keep the certificate outside of the tables, so that a restore of theirs does not undo it."""
    tenant, id_ = erasure.key.tenant, erasure.key.id
    bootstrap.attributes().store(tenant, id_, certificate(erasure), folder=ERASURES)
