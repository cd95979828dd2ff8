"""Runs stored versions through handlers, and compares the rows with those that are stored."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Final, NamedTuple

from botocore.exceptions import ClientError

from sfn_cqrs import bootstrap
from sfn_cqrs.care.audit.rules import SOON
from sfn_cqrs.care.audit.tables import AuditTables
from sfn_cqrs.kernel.aws.error_codes import error_code
from sfn_cqrs.kernel.clock import iso
from sfn_cqrs.kernel.command import Command
from sfn_cqrs.kernel.errors import InvalidInputError, NotFoundError
from sfn_cqrs.kernel.keys import ItemKey
from sfn_cqrs.kernel.masking import masked
from sfn_cqrs.kernel.read_models.rules import PLACES, ViewKey
from sfn_cqrs.kernel.tables.dynamodb import Item, batch_get, unmarshal
from sfn_cqrs.machines.command import handlers, read_models
from sfn_cqrs.machines.command.items import as_key, as_row
from sfn_cqrs.machines.command.process import Outcome
from sfn_cqrs.machines.command.projection import run_alone
from sfn_cqrs_tools.replay.copies import Copy, ReadOnly, alone, parts_of
from sfn_cqrs_tools.testing.dynamodb.tables import Place
from sfn_cqrs_tools.testing.fakes.stored import TABLES

TELLS: Final = 10
"""After so many items a caller hears how many there were."""
PAUSE: Final = 2.0
"""Seconds until rows that differ are read again: a version may be on its way."""
MOST_MESSAGE: Final = 200
VARIABLES: Final = {table: re.sub("(?<=[a-z])(?=[A-Z])", "_", table).upper() for table in TABLES}
"""The variable that names each table, such as DATA_TABLE for DataTable."""
ASKED: Final = {
    "command": "publish",
    "plan": "deadline",
    "task": "task",
    "saga": "saga",
    "approval": "approval",
    "job": "import",
    "zip": "archive",
}
"""Kinds of items that a handler makes if it asks for something beside its rows."""
LOST: Final = "attributes are missing"
GONE: Final = ("NoSuchKey", "AccessDenied", "404")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which versions to replay, and through which handlers.

    `is_audit` leaves out items whose last version is not applied. With `twice`, rows are not
    compared with those that are stored: each version comes again, at once and after the last one,
    and rows that it changes then are reported.
    """

    tenant: str | None = None
    types: tuple[str, ...] = ()
    handler: str = ""
    item: str = ""
    since: str = ""
    limit: int = 10_000
    segment: int = 0
    segments: int = 1
    rate: float = 0.0
    ignore: tuple[str, ...] = ()
    is_audit: bool = False
    twice: bool = False

    @property
    def is_part(self) -> bool:
        """Return whether some items of the types are left out from the beginning."""
        return bool(self.item or self.since or self.segments > 1)


@dataclass(frozen=True, slots=True)
class Difference:
    """A row that would change, appear or disappear; `item` has written it, if one has.

    One that is `repeated` was changed by a version that came again, which `item` names.
    """

    model: str
    tenant: str
    partition: str
    sort: str
    what: str
    item: str = ""
    cells: dict[str, list[Any]] = field(default_factory=dict)


@dataclass(slots=True)
class Failure:
    """How often a handler has raised a kind of error, and where first."""

    handler: str
    kind: str
    item: str
    version: int
    message: str
    count: int = 0


@dataclass(slots=True)
class Report:
    """The result of a replay."""

    items: int = 0
    versions: int = 0
    is_complete: bool = True
    handlers: list[str] = field(default_factory=list)
    counts: dict[str, dict[str, int]] = field(default_factory=dict)
    rows: list[Difference] = field(default_factory=list)
    errors: list[Failure] = field(default_factory=list)
    asked: dict[str, int] = field(default_factory=dict)
    not_covered: dict[str, str] = field(default_factory=dict)

    @property
    def differs(self) -> bool:
        """Return whether something would be otherwise."""
        return bool(self.rows or self.errors)

    def as_json(self) -> dict[str, Any]:
        """Return the report as `--json` prints it."""
        return {
            "items": self.items,
            "versions": self.versions,
            "isComplete": self.is_complete,
            "handlers": self.handlers,
            "readModels": [{"name": name, **self.counts[name]} for name in sorted(self.counts)],
            "rows": [asdict(each) for each in self.rows],
            "errors": [asdict(each) for each in self.errors],
            "asked": [{"what": what, "count": n} for what, n in sorted(self.asked.items())],
            "notCovered": [
                {"handler": n, "reason": r} for n, r in sorted(self.not_covered.items())
            ],
        }


class _Writer(NamedTuple):
    """The last writer of a row: the item at a version, and the handler."""

    key: ItemKey
    version: int
    handler: str


class _Pair(NamedTuple):
    """A row as it is stored, and as the handlers write it."""

    stored: Item | None
    written: Item | None


class Replay:
    """One run. It reads the stack, and writes only in memory."""

    def __init__(self, dynamodb: Any, s3: Any, wanted: Wanted) -> None:
        """Read by these clients."""
        self._dynamodb, self._s3 = ReadOnly(dynamodb), ReadOnly(s3)
        self._wanted, self._report = wanted, Report(is_complete=not wanted.is_part)
        names = {table: os.environ[variable] for table, variable in VARIABLES.items()}
        self._rows_table, self._data_table = names["ReadModelsTable"], names["DataTable"]
        tables = {names[table]: indexes for table, indexes in TABLES.items()}
        self._copy = Copy(self._dynamodb, tables, self._rows_table)
        self._reader = AuditTables(
            self._dynamodb,  # type: ignore[arg-type] # it reads as one does
            {"data": self._data_table, "history": names["HistoryTable"], "rows": self._rows_table},
            bootstrap.now,
        )
        self._reader.rate = wanted.rate
        self._handlers: dict[str, list[str]] = {}
        self._writers: dict[Place, _Writer] = {}
        self._failed: set[tuple[ItemKey, str]] = set()
        self._errors: dict[tuple[str, str], Failure] = {}
        self._versions: dict[ItemKey, int] = {}
        self._is_exact = True

    def run(self, told: Callable[[int], None] | None = None) -> Report:
        """Replay, compare, and return what would be otherwise; `told` gets the number of items."""
        with parts_of(self._dynamodb, self._s3):
            self._processes, self._attributes = bootstrap.processes(), bootstrap.attributes()
        with parts_of(self._dynamodb, self._s3, self._copy):
            self._handlers = {type_: self._names_of(type_) for type_ in self._types()}
            names = {name for found in self._handlers.values() for name in found}
            self._report.handlers = sorted(names)
            is_compared = self._report.is_complete and not self._wanted.twice
            before = self._stored_places(names) if is_compared else set()
            for row in self._items():
                self._replay(row)
                if told is not None and self._report.items % TELLS == 0:
                    told(self._report.items)
            if not self._wanted.twice:
                self._compare(before)
        self._report.errors = list(self._errors.values())
        return self._report

    # What is replayed.

    def _types(self) -> Sequence[str]:
        for type_ in self._wanted.types:
            handlers.check_type(type_)
        if self._wanted.handler and not handlers.types_of(self._wanted.handler):
            known = ", ".join(handlers.all_names())
            raise InvalidInputError("handler", f"is none of {known}")
        return self._wanted.types or sorted(handlers.types())

    def _names_of(self, type_: str) -> list[str]:
        names = handlers.writers_of(type_)
        wanted = [name for name in names if self._wanted.handler in ("", name)]
        for name in wanted:
            if name in read_models.tables():
                self._report.not_covered[name] = "it writes PostgreSQL"
        return [name for name in wanted if name not in self._report.not_covered]

    def _items(self) -> Iterator[Item]:
        """Yield the data rows of the wanted items."""
        if self._wanted.item:
            yield self._only()
            return
        prefix = f"TENANT#{self._wanted.tenant}#" if self._wanted.tenant else "TENANT#"
        part = self._wanted.segment, self._wanted.segments
        for found in self._reader.partitions("data", *part, prefix):
            for row in found:
                if not self._handlers.get(row["type"]) or row["updated_at"] < self._wanted.since:
                    continue
                if self._report.items == self._wanted.limit:
                    self._report.is_complete = False
                    return
                yield row

    def _only(self) -> Item:
        if len(self._handlers) != 1 or not self._wanted.tenant:
            raise InvalidInputError("item", "needs its tenant and its type")
        key = ItemKey.checked(self._wanted.tenant, next(iter(self._handlers)), self._wanted.item)
        place = key.data_pk, key.sk
        found = self._reader.rows([place])
        if place not in found:
            raise NotFoundError(f"there is no {key.type}/{key.code}")
        return found[place]

    def _commands(self, row: Item) -> Iterator[Command]:
        """Yield what an item has been, in order."""
        key = as_key(row)
        states = self._reader.partition("history", key.pk)
        for item in (*(one for one in states if one["version"] < row["version"]), row):
            yield as_row(item, self._attributes.whole(item)["attributes"]).as_command()

    # Running handlers.

    def _replay(self, row: Item) -> None:
        key, version = as_key(row), row["version"]
        if self._wanted.is_audit and not self._is_applied(key, row):
            self._is_exact = False
            return
        self._report.items += 1
        self._versions[key] = version
        try:
            commands = list(self._commands(row))
        except ClientError as error:
            if error_code(error) not in GONE:
                raise
            self._fail("", LOST, key, version, "an object in S3 does not exist")
            return
        self._is_exact &= commands[0].version == 1
        for command in commands:
            self._report.versions += 1
            self._run_all(command)
            if self._wanted.twice:
                self._run_all(command, is_again=True)
        if self._wanted.twice:
            for command in reversed(commands[:-1]):
                self._run_all(command, is_again=True)

    def _is_applied(self, key: ItemKey, row: Item) -> bool:
        """Return whether the version of the data row is applied, and no later one has begun.

        Handlers of a version run beside one another: a row may be ahead of the data row. An import
        makes versions without processes, and calls handlers soon after.
        """
        process = self._processes.find(key, row["version"])
        if process is None:
            is_applied = row["updated_at"] < iso(bootstrap.now() - SOON)
        else:
            is_applied = process.outcome is Outcome.APPLIED
        return is_applied and self._processes.find(key, row["version"] + 1) is None

    def _run_all(self, command: Command, *, is_again: bool = False) -> None:
        for name in tuple(self._handlers[command.key.type]):
            if (command.key, name) not in self._failed:
                self._run(command, name, is_again=is_again)

    def _run(self, command: Command, name: str, *, is_again: bool) -> None:
        raised: Exception | None = None
        try:
            with alone(self._copy):
                run_alone(command, name)
        except Exception as error:
            raised = error
        if is_again and raised is None:
            self._note_repeated(command)
        self._note(command, name)
        if self._copy.refused:
            self._report.not_covered[name] = ", ".join(sorted(self._copy.refused))
            self._copy.refused.clear()
            for found in self._handlers.values():
                if name in found:
                    found.remove(name)
        elif raised is not None:
            self._failed.add((command.key, name))
            kind = type(raised.__cause__ or raised).__name__
            self._fail(name, kind, command.key, command.version, str(raised.__cause__ or raised))

    def _note_repeated(self, command: Command) -> None:
        """Report the rows that a version has changed which came again."""
        key = command.key
        for change in self._copy.written:
            place = change.keys["pk"]["S"], change.keys["sk"]["S"]
            old = self._cells(change.before.item if change.before else None)
            new = self._cells(change.stored.item if change.stored else None)
            if change.table == self._rows_table and old != new:
                item = f"{key.type}/{key.code}@{command.version}"
                self._report.rows.append(_difference(place, "repeated", item, old, new))

    def _note(self, command: Command, name: str) -> None:
        """Note whose rows these are, and what else was asked for."""
        for change in self._copy.written:
            if change.table == self._rows_table:
                place = change.keys["pk"]["S"], change.keys["sk"]["S"]
                if PLACES not in place[0]:
                    self._writers[place] = _Writer(command.key, command.version, name)
            elif change.event == "INSERT" and change.stored:
                item = unmarshal(change.stored.item)
                if item.get("kind") in ASKED:
                    what = item.get("type") or item.get("saga") or item.get("table") or ""
                    text = f"{ASKED[item['kind']]} {what}".strip()
                    self._report.asked[text] = self._report.asked.get(text, 0) + 1
        self._copy.written.clear()

    def _fail(self, name: str, kind: str, key: ItemKey, version: int, message: str) -> None:
        at = f"{key.tenant} {key.type}/{key.code}"
        said = masked(message.splitlines()[0] if message else "")[:MOST_MESSAGE]
        failure = self._errors.setdefault((name, kind), Failure(name, kind, at, version, said))
        failure.count += 1

    # Comparing rows.

    def _stored_places(self, names: Iterable[str]) -> set[Place]:
        """Return where rows are that only these handlers write, all of whose types are replayed."""
        whole = {name for name in names if set(handlers.types_of(name)) <= self._handlers.keys()}
        found: set[Place] = set()
        for items in self._reader.partitions("rows", 0, 1):
            pk = items[0]["pk"]
            view, _, rest = pk.partition("#")
            name, tenant = view.partition("@")[0], rest.partition("#")[0]
            is_ours = name in whole and self._wanted.tenant in (None, tenant) and PLACES not in pk
            if is_ours and pk.startswith(_prefix(name, tenant)):
                found.update((pk, item["sk"]) for item in items)
        return found

    def _compare(self, before: set[Place]) -> None:
        """Compare rows. Rows of several items, and rows of none, only if all items are replayed."""
        is_exact = self._report.is_complete and self._is_exact and not self._errors
        extra = before - self._writers.keys() if is_exact else set()
        extra = {place for place in extra if _view(place) not in self._report.not_covered}
        compared = [place for place, writer in self._writers.items() if self._is_compared(writer)]
        summed = self._copy.summed.intersection(compared)
        kept = [place for place in compared if is_exact or place not in summed]
        pairs = self._differing([*kept, *sorted(extra)])
        moving = self._moving(pairs, summed) if pairs else set()
        pairs = self._differing([place for place in pairs if place not in moving])
        for place in (*self._writers, *extra):
            self._count(place, "rows")
        for place in (*(self._writers.keys() - set(kept)), *moving):
            self._count(place, "notCompared")
        for place, pair in sorted(pairs.items()):
            difference = self._difference(place, pair)
            self._count(place, difference.what)
            self._report.rows.append(difference)

    def _is_compared(self, writer: _Writer) -> bool:
        is_covered = writer.handler not in self._report.not_covered
        return is_covered and (writer.key, writer.handler) not in self._failed

    def _differing(self, places: Sequence[Place]) -> dict[Place, _Pair]:
        found = {}
        for first in range(0, len(places), 100):
            some = places[first : first + 100]
            stored = batch_get(self._dynamodb, self._rows_table, some)  # type: ignore[arg-type]
            written = batch_get(self._copy, self._rows_table, some)  # type: ignore[arg-type]
            for place in some:
                pair = _Pair(self._cells(stored.get(place)), self._cells(written.get(place)))
                if pair.stored != pair.written:
                    found[place] = pair
        return found

    def _cells(self, item: Mapping[str, Any] | None) -> Item | None:
        """Return a row without its keys, and without cells that nobody compares."""
        if item is None:
            return None
        hidden = ("pk", "sk", *self._wanted.ignore)
        cells = unmarshal(item).items()
        return {name: value for name, value in cells if name not in hidden and value is not None}

    def _moving(self, places: Mapping[Place, _Pair], summed: set[Place]) -> set[Place]:
        """Wait a little, and return the places that traffic changes."""
        time.sleep(PAUSE)
        writers = {place: self._writers[place] for place in places if place in self._writers}
        keys = {writer.key: self._versions[writer.key] for writer in writers.values()}
        at = {(key.data_pk, key.sk): key for key in keys}
        found = batch_get(self._dynamodb, self._data_table, at)  # type: ignore[arg-type]
        now = {at[place]: unmarshal(item)["version"] for place, item in found.items()}
        open_ = self._processes.find_many(keys.items())
        later = self._processes.find_many((key, version + 1) for key, version in keys.items())
        moved = {key for key, version in keys.items() if now.get(key) != version}
        moved |= {key for key, process in open_.items() if process.outcome.is_open} | later.keys()
        moving = {place for place, writer in writers.items() if writer.key in moved}
        differing = summed & places.keys()
        return moving | differing if differing and not self._is_quiet() else moving

    def _is_quiet(self) -> bool:
        """Return whether every item still is at the version that was replayed."""
        return all(
            self._versions.get(as_key(row)) == row["version"]
            for found in self._reader.partitions("data", 0, 1)
            for row in found
            if self._handlers.get(row["type"]) and self._wanted.tenant in (None, row["tenant"])
        )

    def _difference(self, place: Place, pair: _Pair) -> Difference:
        old, new = pair.stored, pair.written
        what = "changes" if old and new else "appears" if new else "disappears"
        writer = self._writers.get(place)
        item = f"{writer.key.type}/{writer.key.code}" if writer else ""
        return _difference(place, what, item, old, new)

    def _count(self, place: Place, what: str) -> None:
        empty = dict.fromkeys(("rows", "changes", "appears", "disappears", "notCompared"), 0)
        self._report.counts.setdefault(_view(place), empty)[what] += 1


def _difference(
    place: Place, what: str, item: str, old: Item | None, new: Item | None
) -> Difference:
    was, now = old or {}, new or {}
    changed = sorted(name for name in was.keys() | now.keys() if was.get(name) != now.get(name))
    cells = {name: [was.get(name), now.get(name)] for name in changed}
    tenant, _, partition = place[0].partition("#")[2].partition("#")
    return Difference(_view(place), tenant, partition, place[1], what, item, cells)


def _view(place: Place) -> str:
    return place[0].partition("#")[0].partition("@")[0]


def _prefix(view: str, tenant: str) -> str:
    return ViewKey(tenant, view).rows_prefix(bootstrap.generations().of(tenant, view))
