"""Brings a tenant's items back to what they were at a moment, by publishing the differences.

An item that was made later is deleted. What somebody has published since the restore began stays:
a version is published only if the latest one still is the one that was looked at. The restore's
beginning is stored, and its versions carry its name, so one that was stopped is begun again.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum
from typing import Final

from sfn_cqrs import bootstrap
from sfn_cqrs.kernel.caller import Caller
from sfn_cqrs.kernel.clock import iso
from sfn_cqrs.kernel.command import Content, DataRow
from sfn_cqrs.kernel.errors import BusyError, InvalidInputError, SfnCqrsError, VersionConflictError
from sfn_cqrs.kernel.keys import ItemKey, checked_tenant
from sfn_cqrs.kernel.request import Request
from sfn_cqrs.kernel.values import Json
from sfn_cqrs.machines.command import chain, handlers
from sfn_cqrs.machines.command.items import as_key
from sfn_cqrs.machines.command.runner import Chain
from sfn_cqrs.machines.command.service import CommandService
from sfn_cqrs.machines.command.versions import without_erased
from sfn_cqrs.machines.import_csv.csv.rows import Problem
from sfn_cqrs.machines.import_csv.declaration import Record, Wanted
from sfn_cqrs.machines.import_csv.planning import Chained, chained, refused

TRIES: Final = 5
REMEMBERED: Final = timedelta(days=35)
"""How long a restore that was stopped can go on."""


class Fate(StrEnum):
    """The result for an item."""

    RESTORED = "restored"
    DELETED = "deleted"
    UNCHANGED = "unchanged"
    KEPT = "kept"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Restored:
    """An item with its result, and the reason if it is not as it was."""

    key: ItemKey
    fate: Fate
    problem: Problem | None = None

    def as_json(self) -> dict[str, Json]:
        """Return the line of a report."""
        code, reason = (self.problem.code, self.problem.reason) if self.problem else ("", "")
        result = str(self.fate)
        item = {"type": self.key.type, "item": self.key.code}
        return {**item, "result": result, "code": code, "reason": reason}


@dataclass(frozen=True, slots=True)
class _Target:
    """The content that an item is to get, after its latest version."""

    fate: Fate
    content: Content
    latest: int


class Restore:
    """The restore of one tenant to one moment; without `writes` it is only tried."""

    def __init__(self, tenant: str, to: str, *, writes: bool, rate: float = 0.0) -> None:
        """Begin, or go on with what was begun.

        Raises:
            InvalidInputError: it is not a tenant's name, or the moment has not come yet.
        """
        self._tenant, self._to, self._writes = checked_tenant(tenant), to, writes
        self._source = f"restore-{to}"
        self._tables = bootstrap.audit_tables()
        self._tables.rate = rate
        if to >= iso(bootstrap.now()):
            raise InvalidInputError("to", "must be a moment of the past")
        self.began = self._began()

    def run(self) -> Iterator[Restored]:
        """Bring back item by item, and yield what has become of each."""
        for items in self._tables.partitions("commands", 0, 1, f"TENANT#{self._tenant}#"):
            ours = [item for item in items if item.get("kind") == "command"]
            if ours:
                yield self._item(as_key(ours[0]))

    def _began(self) -> str:
        """Return when this restore began first."""
        now, key = bootstrap.now(), self._source
        kept = bootstrap.requests()
        found = kept.find(self._tenant, key)
        if found is None and self._writes:
            expires = int((now + REMEMBERED).timestamp())
            began = Request(self._tenant, key, "", {"began": iso(now)}, expires)
            found = began if kept.put(began) else kept.find(self._tenant, key)
        return str(found.result["began"]) if found else iso(now)

    def _item(self, key: ItemKey) -> Restored:
        for _ in range(TRIES):
            try:
                target = self._target(key)
                return target if isinstance(target, Restored) else self._publish(key, target)
            except VersionConflictError:
                continue
            except BusyError:
                break
            except SfnCqrsError as error:
                return _failed(key, error.code, str(error))
        return _failed(key, "busy", "others keep writing it")

    def _publish(self, key: ItemKey, target: _Target) -> Restored:
        if not self._writes:
            return Restored(key, target.fate)
        content = target.content
        published = CommandService(key.tenant).publish(
            key.type,
            key.code,
            name=content.name,
            attributes=content.attributes,
            is_deleted=content.is_deleted,
            version=target.latest,
            caller=Caller(source=self._source),
        )
        if published.is_unchanged:  # it equals the latest version, and not the data row
            return _kept(key, "skipped", f"version {target.latest} says the same, and was skipped")
        return Restored(key, target.fate)

    def _target(self, key: ItemKey) -> _Target | Restored:
        """Return what an item is to become, or why it stays as it is."""
        item = chained(Wanted(key, Record(key.code, "")))
        latest, row = item.latest, item.current.row
        if latest is None or row is None or latest.updated.at <= self._to:
            return Restored(key, Fate.UNCHANGED)
        if row.version > latest.version:
            raise VersionConflictError(row.version)
        if latest.source == self._source:
            return self._is_done(key, item, row)
        if latest.updated.at >= self.began:
            by = f" by {latest.source}" if latest.source else ""
            return _kept(key, "changed_since", f"version {latest.version}{by} has changed it since")
        if item.is_behind:
            return _open(key, item)
        before = self._before(row)
        if before is None:
            return _kept(key, "history_expired", f"what it was at {self._to} is not kept any more")
        return self._compared(key, row, before, latest.version)

    def _is_done(self, key: ItemKey, item: Chained, row: DataRow) -> Restored:
        """Return what has become of an item whose latest version this restore has published."""
        predecessor, latest = item.predecessor, item.next_version - 1
        if predecessor.version < latest:
            return _kept(key, "skipped", f"version {latest}, of this restore, was skipped")
        if predecessor.outcome is not None and predecessor.outcome.is_repairable:
            return _open(key, item)
        return Restored(key, self._fate(row))

    def _compared(
        self, key: ItemKey, row: DataRow, before: Content, latest: int
    ) -> _Target | Restored:
        content = without_erased(key, before, row)
        if content.digest(key) == row.converted.digest(key):
            return Restored(key, Fate.UNCHANGED)
        handlers.check_publish(key.type, None)
        if refusal := refused(content, key, row, None):
            return Restored(key, Fate.FAILED, refusal.problem)
        return _Target(self._fate(row), content, latest)

    def _fate(self, row: DataRow) -> Fate:
        return Fate.DELETED if self._is_new(row) else Fate.RESTORED

    def _is_new(self, row: DataRow) -> bool:
        return row.created.at > self._to

    def _before(self, row: DataRow) -> Content | None:
        """Return an item's content at the moment, or None if that is not kept any more."""
        if row.updated.at <= self._to:  # what was published since was skipped
            return row.converted
        if self._is_new(row):
            return replace(row.converted, is_deleted=True)
        above = row.version
        for state in bootstrap.history().states(row.key):
            if state.updated.at <= self._to:
                below = Chain(row.key).run(chain.previous(above)).version
                return state.converted if state.version >= below else None
            above = min(above, state.version)
        return None


def _open(key: ItemKey, item: Chained) -> Restored:
    version, outcome = item.predecessor.version, item.predecessor.outcome
    if outcome is not None and outcome.is_repairable:
        reason = f"version {version} is {outcome}; retry or skip it, then restore again"
        return _failed(key, "chain_blocked", reason)
    return _failed(key, "chain_open", f"version {version} is not applied yet; restore again")


def _kept(key: ItemKey, code: str, reason: str) -> Restored:
    return Restored(key, Fate.KEPT, Problem(code, reason))


def _failed(key: ItemKey, code: str, reason: str) -> Restored:
    return Restored(key, Fate.FAILED, Problem(code, reason))
