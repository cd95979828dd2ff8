import base64
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from sfn_cqrs.adapters.command_items import as_row, row_item
from sfn_cqrs.adapters.dynamodb import Item, marshal, unmarshal
from sfn_cqrs.adapters.generations import count_writes
from sfn_cqrs.adapters.open_index import OpenIndex, SweptTable
from sfn_cqrs.adapters.paging import Page, Range, cursor_at
from sfn_cqrs.adapters.process_table import open_shard
from sfn_cqrs.domain.chain import Written
from sfn_cqrs.domain.clock import iso
from sfn_cqrs.domain.command import Command, DataRow
from sfn_cqrs.domain.errors import TransientError
from sfn_cqrs.domain.keys import CommandRef, ItemKey, data_partitions, shard_of, type_prefix
from sfn_cqrs.domain.process import Outcome, Process
from sfn_cqrs.domain.publication import Publication, Refusal, RowPublication, SyncPublication
from sfn_cqrs.domain.read_models import FIRST_GENERATION, SCANNED_IN, GenerationRow, ViewKey
from sfn_cqrs.domain.request import Request
from sfn_cqrs.domain.retention import Retention
from sfn_cqrs.domain.sweeps import Cursor
from sfn_cqrs.domain.versioning import DataVersion
from sfn_cqrs_tools.testing.fakes.store import Store

T = TypeVar("T")
Record = TypeVar("Record", Command, DataRow)


class ProcessTable(SweptTable):
    """The process items."""

    def __init__(self, store: Store, retention: Retention) -> None:
        self._store = store
        self._retention = retention
        self._open = OpenIndex(store.dynamodb, "CommandsTable")  # type: ignore[arg-type]

    def find(self, key: ItemKey, version: int) -> Process | None:
        with self._store.lock:
            return self._store.processes.get((key, version))

    def find_many(self, versions: Iterable[tuple[ItemKey, int]]) -> dict[ItemKey, Process]:
        found = [self.find(key, version) for key, version in versions]
        return {process.key: process for process in found if process is not None}

    def hand_over(self, process: Process) -> bool:
        version = (process.key, process.version)
        with self._store.lock:
            if version in self._store.processes:
                return False
            self._store.processes.put(version, process)
            self._store.listed.add(version)
            return True

    def begin(
        self, ref: CommandRef, status: str, *, is_first: bool = False, run: str | None = None
    ) -> Process | None:
        written = self._write(
            ref,
            lambda process: process.may_begin(ref.attempt, is_first=is_first, run=run),
            lambda process: process.begun(status, run if is_first else None),
        )
        return written.process if written.done else None

    def park(self, ref: CommandRef, token: str, seq: int) -> Written:
        return self._write(
            ref,
            lambda process: process.may_park(ref.attempt, seq),
            lambda process: process.parked(token, seq, "wait_prev_command:STARTED"),
        )

    def close(
        self,
        ref: CommandRef,
        outcome: Outcome,
        status: str,
        error: str | None = None,
        cause: str | None = None,
        run: str | None = None,
    ) -> Written:
        text = None if error is None else cause or ""
        failed: dict[str, Any] = (
            {"opened_at": iso(self._store.now())} if outcome is Outcome.FAILED else {}
        )
        return self._write(
            ref,
            lambda process: process.may_be_written_by(ref.attempt, run),
            lambda process: replace(process.closed(outcome, status, error, text), **failed),
        )

    def restart(self, ref: CommandRef) -> Written:
        opened_at = iso(self._store.now())
        return self._write(
            ref,
            lambda process: process.may_restart(ref.attempt),
            lambda process: replace(process.restarted(), opened_at=opened_at),
        )

    def leave(self, ref: CommandRef, run: str | None = None) -> Written:
        return self._write(
            ref,
            lambda process: process.may_leave(ref.attempt, run),
            lambda process: process.restarted(),
        )

    def renew(self, ref: CommandRef, run: str) -> Written:
        return self._write(
            ref,
            lambda process: process.may_renew(ref.attempt, run),
            lambda process: process.restarted(),
        )

    def skip(self, ref: CommandRef) -> Written:
        return self._write(
            ref,
            lambda process: process.may_skip(ref.attempt),
            lambda process: process.skipped(),
        )

    def opened(
        self, shard: int, cursor: Cursor | None, before: str, limit: int
    ) -> tuple[list[Process], Cursor | None]:
        listed = {
            position: process
            for position, process in self._in_shard(shard).items()
            if process.opened_at < before
        }
        after = (cursor["opened_at"], cursor["pk"], cursor["sk"]) if cursor else ("", "", "")
        positions = sorted(position for position in listed if position > after)
        opened_at, pk, sk = positions[:limit][-1] if positions else after
        more = {"open_shard": shard, "opened_at": opened_at, "pk": pk, "sk": sk}
        found = [listed[position] for position in positions[:limit]]
        return found, more if len(positions) > limit else None

    def listed(
        self, shard: int, cursor: Cursor | None, since: str, until: str
    ) -> tuple[list[Cursor], Cursor | None]:
        after = (cursor["opened_at"], cursor["pk"], cursor["sk"]) if cursor else ("", "", "")
        positions = sorted(
            position
            for position in self._in_shard(shard)
            if position > after and since <= position[0] <= until
        )
        return [
            {"open_shard": shard, "opened_at": opened_at, "pk": pk, "sk": sk}
            for opened_at, pk, sk in positions
        ], None

    def read_again(self, keys: Iterable[Cursor]) -> list[Process]:
        with self._store.lock:
            by_place = {
                (process.key.pk, process.key.process_sk(process.version)): process
                for _, process in self._store.processes.items()
            }
        places = ((each["pk"], each["sk"]) for each in keys)
        return [by_place[place] for place in places if place in by_place]

    def _in_shard(self, shard: int) -> dict[tuple[str, str, str], Process]:
        with self._store.lock:
            return {
                _index_position(process): process
                for version in self._store.listed
                if (process := self._store.processes.get(version)) is not None
                and open_shard(process) == shard
            }

    def unrepaired(self, shard: int, limit: int) -> tuple[int, str]:
        found = self.opened(shard, None, "9", limit)[0]
        return len(found), next((process.opened_at for process in found), "")

    def _write(
        self,
        ref: CommandRef,
        may: Callable[[Process], bool],
        changed: Callable[[Process], Process],
    ) -> Written:
        version = (ref.key, ref.version)
        with self._store.lock:
            found = self._store.processes.stored(version)
            if found is None or not may(found):
                return Written(done=False, process=found)
            process = replace(changed(found), updated_at=iso(self._store.now()))
            ttl = self._store.processes.ttl(version)
            if process.outcome.may_expire:
                ttl = self._retention.expiry(ref.key.type, self._store.now()) or ttl
            self._store.processes.put(version, process, ttl)
            if is_listed(process):
                self._store.listed.add(version)
            else:
                self._store.listed.discard(version)
            return Written(done=True, process=process)


class CommandTable:
    """The commands, and the transactions that append them."""

    def __init__(self, store: Store, retention: Retention) -> None:
        self._store = store
        self._retention = retention

    def latest(self, key: ItemKey) -> Command | None:
        with self._store.lock:
            versions = [found for found, _ in self._store.commands.items() if found[0] == key]
            newest = max(versions, key=lambda version: version[1], default=None)
            command = self._store.commands.get(newest) if newest else None
            return None if command is None else _loaded(self._store, command)

    def find(self, key: ItemKey, version: int) -> Command | None:
        with self._store.lock:
            command = self._store.commands.get((key, version))
            return _loaded(self._store, command) if command else None

    def page(
        self, key: ItemKey, limit: int, cursor: str | None
    ) -> Page[tuple[Command, Process | None]]:
        wanted = Range([key.pk], key.versions_prefix, limit, cursor, is_descending=True)
        with self._store.lock:
            found = {
                key.version_sk(command.version): (
                    _unloaded(command),
                    self._store.processes.get(version),
                )
                for version, command in self._store.commands.items()
                if version[0] == key
            }
        return cut_page(wanted, found)

    def expires(self, type_: str) -> bool:
        return self._retention.expiry(type_, self._store.now()) is not None

    def expire(self, key: ItemKey, version: int) -> bool:
        expiry = self._retention.expiry(key.type, self._store.now())
        with self._store.lock:
            shelf = self._store.commands
            command = shelf.stored((key, version))
            if expiry is None or command is None or shelf.ttl((key, version)) is not None:
                return False
            shelf.put((key, version), command, expiry)
            return True

    def publish(self, publication: Publication) -> Refusal | None:
        with self._store.lock:
            refused = self._refused(publication)
            if refused:
                return Refusal.REQUEST_SEEN if Refusal.REQUEST_SEEN in refused else refused[0]
            command, process = publication.command, publication.process
            self._store.commands.put((command.key, command.version), _kept(command))
            self._store.processes.put((process.key, process.version), process)
            self._store.listed.add((process.key, process.version))
            if isinstance(publication, SyncPublication):
                self._store.rows.put(command.key, _kept(command.as_row()))
                if publication.history is not None:
                    _put_history(self._store, publication.history)
            if publication.request is not None:
                put_request(self._store, publication.request)
            return None

    def find_many(self, versions: Iterable[tuple[ItemKey, int]]) -> dict[ItemKey, Command]:
        found = [self.find(key, version) for key, version in versions]
        return {command.key: command for command in found if command is not None}

    def publish_many(
        self, publications: Sequence[Publication | RowPublication]
    ) -> list[Refusal | None]:
        return [
            self._apply(each) if isinstance(each, RowPublication) else self.publish(each)
            for each in publications
        ]

    def _apply(self, publication: RowPublication) -> Refusal | None:
        command = publication.command
        with self._store.lock:
            row = self._store.rows.stored(command.key)
            if (command.key, command.version) in self._store.commands:
                return Refusal.VERSION_TAKEN
            if (row.version if row else 0) != publication.data_version:
                return Refusal.DATA_MOVED
            self._store.commands.put((command.key, command.version), _kept(command))
            self._store.rows.put(command.key, _kept(command.as_row()))
            if publication.history is not None:
                _put_history(self._store, publication.history)
            return None

    def _refused(self, publication: Publication) -> list[Refusal]:
        version = (publication.command.key, publication.command.version)
        is_taken = version in self._store.commands or version in self._store.processes
        refused = [Refusal.VERSION_TAKEN] if is_taken else []
        if isinstance(publication, SyncPublication):
            row = self._store.rows.stored(publication.command.key)
            below = (publication.command.key, publication.predecessor)
            predecessor = self._store.processes.stored(below)
            is_settled = predecessor is None or predecessor.outcome is Outcome.APPLIED
            if (row.version if row else 0) != publication.data_version or not is_settled:
                refused.append(Refusal.DATA_MOVED)
        if publication.request is not None and not is_free(self._store, publication.request):
            refused.append(Refusal.REQUEST_SEEN)
        return refused


class DataTable:
    """The current rows."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def version_of(self, key: ItemKey) -> DataVersion:
        with self._store.lock:
            row = self._store.rows.get(key)
        return DataVersion(row.version, row.command_id) if row else DataVersion()

    def snapshot(self, key: ItemKey) -> Item | None:
        with self._store.lock:
            row = self._store.rows.get(key)
        return marshal(row_item(row)) if row else None

    def find(self, key: ItemKey) -> DataRow | None:
        with self._store.lock:
            row = self._store.rows.get(key)
            return _loaded(self._store, row) if row else None

    def snapshots(self, keys: Iterable[ItemKey]) -> dict[ItemKey, Item]:
        found = {key: self.snapshot(key) for key in keys}
        return {key: item for key, item in found.items() if item is not None}

    def row_of(self, snapshot: Item) -> DataRow:
        return _loaded(self._store, _row_of(snapshot))

    def put(self, row: DataRow, expected: int) -> bool:
        with self._store.lock:
            if self.version_of(row.key).version != expected:
                return False
            self._store.rows.put(row.key, _kept(row))
            return True

    def page(self, tenant: str, type_: str, limit: int, cursor: str | None) -> Page[DataRow]:
        wanted = Range(data_partitions(tenant, type_), type_prefix(type_), limit, cursor)
        with self._store.lock:
            found = {
                key.sk: _loaded(self._store, row)
                for key, row in self._store.rows.items()
                if (key.tenant, key.type) == (tenant, type_) and not row.is_deleted
            }
        return cut_page(wanted, found)

    def bucket_page(
        self, tenant: str, type_: str, bucket: int, limit: int, after: str | None
    ) -> Page[DataRow]:
        partition = data_partitions(tenant, type_)[bucket]
        wanted = Range([partition], type_prefix(type_), limit, after)
        with self._store.lock:
            found = {
                key.sk: _loaded(self._store, row)
                for key, row in self._store.rows.items()
                if (key.type, key.data_pk) == (type_, partition)
            }
        return cut_page(wanted, found)

    def count_bucket(self, tenant: str, type_: str, bucket: int) -> int:
        partition = data_partitions(tenant, type_)[bucket]
        with self._store.lock:
            keys = [key for key, _ in self._store.rows.items()]
        return sum((key.type, key.data_pk) == (type_, partition) for key in keys)


class HistoryTable:
    """The earlier rows."""

    def __init__(self, store: Store, retention: Retention) -> None:
        self._store = store
        self._retention = retention

    def item_of(self, snapshot: Item) -> Item:
        row = _row_of(snapshot)
        expiry = self._retention.expiry(row.key.type, self._store.now())
        where = {"pk": row.key.pk, "sk": row.key.version_sk(row.version)}
        return {**snapshot, **marshal({**where, "ttl": expiry})}

    def append(self, snapshot: Item) -> bool:
        row = _row_of(snapshot)
        with self._store.lock:
            if (row.key, row.version) in self._store.history:
                return False
            _put_history(self._store, self.item_of(snapshot))
            return True

    def find_many(self, versions: Iterable[tuple[ItemKey, int]]) -> dict[ItemKey, DataRow]:
        with self._store.lock:
            kept = [self._store.history.get(version) for version in versions]
            return {row.key: _loaded(self._store, row) for row in kept if row is not None}

    def later(self, key: ItemKey, version: int, limit: int) -> Page[DataRow]:
        after = cursor_at(key.version_sk(version))
        return self._page(key, Range([key.pk], key.versions_prefix, limit, after))

    def page(self, key: ItemKey, limit: int, cursor: str | None) -> Page[DataRow]:
        wanted = Range([key.pk], key.versions_prefix, limit, cursor, is_descending=True)
        return self._page(key, wanted)

    def _page(self, key: ItemKey, wanted: Range) -> Page[DataRow]:
        with self._store.lock:
            found = {
                key.version_sk(row.version): _loaded(self._store, row)
                for version, row in self._store.history.items()
                if version[0] == key
            }
        return cut_page(wanted, found)


class WaitTable:
    """The tokens of executions that wait for somebody outside."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def park(self, execution: str, state: str, token: str, since: str, key: str = "") -> bool:
        with self._store.lock:
            before = self._store.waits.get((execution, state, key))
            if before is not None and before[1] > since:
                return False
            self._store.waits.put((execution, state, key), (token, since, False))
            return True

    def token(self, execution: str, state: str, key: str = "") -> str | None:
        with self._store.lock:
            wait = self._store.waits.get((execution, state, key))
        return wait and wait[0]

    def tokens(self, execution: str, state: str) -> dict[str, str]:
        with self._store.lock:
            return {
                key: token
                for (name, of, key), (token, _, is_over) in self._store.waits.items()
                if (name, of) == (execution, state) and not is_over
            }

    def close(self, execution: str, state: str, key: str, token: str) -> bool:
        with self._store.lock:
            wait = self._store.waits.get((execution, state, key))
            if wait is None or wait[0] != token:
                return False
            self._store.waits.put((execution, state, key), (token, wait[1], True))
            return True


class ReadModel:
    """One view of the read models; a transaction's part is a condition and a change."""

    def __init__(
        self,
        store: Store,
        view: str,
        generation: Callable[[str, str], int] = lambda _tenant, _view: FIRST_GENERATION,
    ) -> None:
        self._store = store
        self._view = view
        self._generation = generation

    def get(self, tenant: str, partition: str, sort: str) -> Item | None:
        with self._store.lock:
            return self._store.views.get(self._place(tenant, partition, sort))

    def rows(self, tenant: str, partition: str) -> list[Item]:
        with self._store.lock:
            found = [
                {**row, "sort": sort}
                for (*place, sort), row in self._store.views.items()
                if place == list(self._place(tenant, partition, sort)[:3])
            ]
        return sorted(found, key=lambda row: row["sort"].encode())

    def page(
        self, tenant: str, partition: str, limit: int = 20, cursor: str | None = None
    ) -> Page[Item]:
        found = {row["sort"]: row for row in self.rows(tenant, partition)}
        return cut_page(Range([partition], "", limit, cursor), found)

    def put_if_newer(self, tenant: str, partition: str, sort: str, row: Item) -> bool:
        with self._store.lock:
            found = self.get(tenant, partition, sort)
            if found is not None and found["version"] >= row["version"]:
                count_writes(put=0, refused=1)
                return False
            self._put(tenant, partition, sort, row)
            count_writes(put=1, refused=0)
            return True

    def replace(
        self, tenant: str, partition: str, sort: str, row: Item, expected: int | None
    ) -> dict[str, Any]:
        place = self._place(tenant, partition, sort)

        def holds() -> bool:
            found = self._store.views.get(place)
            return (found["version"] if found else None) == expected

        return {
            "place": place,
            "holds": holds,
            "change": lambda: self._store.views.put(place, _without_none(row)),
        }

    def add(
        self, tenant: str, partition: str, sort: str, attribute: str, amount: int
    ) -> dict[str, Any]:
        place = self._place(tenant, partition, sort)

        def change() -> None:
            found = self._store.views.get(place) or {}
            found[attribute] = found.get(attribute, 0) + amount
            self._store.views.put(place, found)

        return {
            "place": place,
            "holds": lambda: True,
            "change": change,
        }

    def write_all(self, parts: list[dict[str, Any]]) -> None:
        if len({part["place"] for part in parts}) < len(parts):
            raise ValueError("a transaction cannot include multiple operations on one item")
        with self._store.lock:
            if not all(part["holds"]() for part in parts):
                raise TransientError("the row changed meanwhile")
            for part in parts:
                part["change"]()

    def _put(self, tenant: str, partition: str, sort: str, row: Item) -> None:
        self._store.views.put(self._place(tenant, partition, sort), _without_none(row))

    def _place(self, tenant: str, partition: str, sort: str) -> tuple[str, str, str, str]:
        generation = self._generation(tenant, self._view)
        of = self._view if generation == FIRST_GENERATION else f"{self._view}@{generation}"
        return of, tenant, partition, sort


def _without_none(row: Item) -> Item:
    return {name: value for name, value in row.items() if value is not None}


class GenerationRows:
    """All rows of generations of a read model; a place is a partition and a sort."""

    def __init__(self, store: Store, key: ViewKey) -> None:
        self._store = store
        self._key = key

    def page(
        self, generations: tuple[int, ...], segment: int, cursor: str | None
    ) -> Page[GenerationRow]:
        """One row to a page."""
        views = {self._view(one): one for one in generations}
        with self._store.lock:
            found = {
                json.dumps([view, partition, sort]): GenerationRow(
                    views[view], json.dumps([partition, sort], ensure_ascii=False), row
                )
                for (view, tenant, partition, sort), row in self._store.views.items()
                if view in views and tenant == self._key.tenant
                if shard_of(partition, sort, SCANNED_IN) == segment
            }
        later = sorted(name for name in found if cursor is None or name > cursor)
        rows = [found[name] for name in later[:1]]
        return Page(rows, later[0] if len(later) > 1 else None)

    def find(self, generation: int, places: Iterable[str]) -> dict[str, Item]:
        with self._store.lock:
            found = {place: self._store.views.get(self._at(generation, place)) for place in places}
        return {place: row for place, row in found.items() if row is not None}

    def delete(self, generation: int, places: Iterable[str]) -> None:
        with self._store.lock:
            for place in places:
                self._store.views.remove(self._at(generation, place))

    def _at(self, generation: int, place: str) -> tuple[str, str, str, str]:
        partition, sort = json.loads(place)
        return self._view(generation), self._key.tenant, partition, sort

    def _view(self, generation: int) -> str:
        first = generation == FIRST_GENERATION
        return self._key.view if first else f"{self._key.view}@{generation}"


def is_listed(process: Process) -> bool:
    """Whether the index of open versions lists it."""
    return not process.outcome.is_settled


def cut_page(wanted: Range, found: dict[str, T]) -> Page[T]:
    """A page of what there is by sort key."""
    start = wanted.start_sk()
    sks = sorted(found, key=str.encode, reverse=wanted.is_descending)
    if start is not None:
        is_behind = str.__lt__ if wanted.is_descending else str.__gt__
        sks = [sk for sk in sks if is_behind(sk, start)]
    items = [found[sk] for sk in sks[: wanted.limit]]
    if len(sks) <= wanted.limit:
        return Page(items)
    return Page(items, base64.urlsafe_b64encode(sks[wanted.limit - 1].encode()).decode())


def _index_position(process: Process) -> tuple[str, str, str]:
    return (process.opened_at, process.key.pk, process.key.process_sk(process.version))


def _kept(record: Record) -> Record:
    """The record as its table keeps it: large attributes are not in it."""
    if record.attributes_s3 is None:
        return record
    return replace(record, content=replace(record.content, attributes={}))


def _loaded(store: Store, record: Record) -> Record:
    if record.attributes_s3 is None:
        return record
    attributes = store.objects.get(record.attributes_s3)
    if attributes is None:
        raise KeyError(record.attributes_s3)
    return replace(record, content=replace(record.content, attributes=attributes))


def _unloaded(command: Command) -> Command:
    """A command without the attributes that lie in the bucket."""
    if command.attributes_s3 is None:
        return command
    return replace(command, content=replace(command.content, attributes={}))


def _row_of(snapshot: Item) -> DataRow:
    plain = unmarshal(snapshot)
    return as_row(plain, plain.get("attributes", {}))


def _put_history(store: Store, item: Item) -> None:
    row = _row_of(item)
    store.history.put((row.key, row.version), row, unmarshal(item).get("ttl"))


def is_free(store: Store, request: Request) -> bool:
    return store.requests.find(request.tenant, request.key) is None


def put_request(store: Store, request: Request) -> None:
    assert store.requests.put(request)
