"""Keeps ministack's data in a SQLite file, request by request, and restores it.

The Python of .venv-fabric runs this file, beside fabric_process.py; it can import nothing of this
package. ministack's own persistence writes at exit, so a kill would lose everything. Here a
request is answered after its changes are written. While they cannot be written, as on a full
disk, every request is answered 503: the changes of others may still be lost. The template is
deployed anew at each start; then tables, queues, secrets and streams get their data back, by
name. Objects of buckets are files of ministack's own.
"""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any

from ministack.core.responses import request_scope  # type: ignore[import-not-found]
from ministack.services import (  # type: ignore[import-not-found]
    dynamodb,
    lambda_svc,
    s3,
    secretsmanager,
    sqs,
)

FORMAT = "1"
TICK_SECONDS = 0.2
"""How often queues are checked that no request has changed: polled, or swept."""
NO_SORT_KEY = "__no_sort__"  # ministack's own
OBJECT_IS_WRITTEN = ".meta.json"
"""The suffix of the last file that ministack writes for an object."""
SCHEMA = """
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS items (
    "table" TEXT, pk TEXT, sk TEXT, item TEXT NOT NULL, PRIMARY KEY ("table", pk, sk)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS records (
    "table" TEXT, number TEXT, record TEXT NOT NULL, PRIMARY KEY ("table", number)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS delivered (mapping TEXT PRIMARY KEY, number TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS messages (
    place INTEGER PRIMARY KEY, queue TEXT NOT NULL, id TEXT NOT NULL, message TEXT NOT NULL,
    UNIQUE (queue, id)
);
CREATE TABLE IF NOT EXISTS secrets (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
"""

Item = dict[str, Any]
_Seen = dict[tuple[str, str], tuple[Any, ...]]
_unkept: ContextVar[list[str]] = ContextVar("unkept")
"""The objects of the request that is being answered which ministack could not write."""


class Journal:
    """The file in a folder; `flush` writes what has changed since the last time."""

    def __init__(self, folder: Path, account: str, region: str) -> None:
        """Open the file, and watch ministack's tables, streams, queues and secrets."""
        self._scope = (account, region)
        self._lock = threading.RLock()
        path = folder / "fabric.sqlite"
        path.touch(0o600)  # SQLite gives its other files the same mode
        self._file = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._file.execute("PRAGMA journal_mode = WAL")
        self._file.execute("PRAGMA synchronous = NORMAL")  # data survives a kill, not a power cut
        self._file.executescript(SCHEMA)
        self._file.execute("INSERT OR IGNORE INTO meta VALUES ('format', ?)", (FORMAT,))
        self._items: dict[tuple[str, str, str], Item | None] = {}
        self._replaced: set[str] = set()
        self._records: list[tuple[str, str, Item]] = []
        self._messages: _Seen = {}
        self._done: dict[str, str] = {}
        """Up to which sequence number all functions are done with a table's records."""
        self._has_new_secrets = False
        self._is_restored = False
        self.trouble = ""
        """Why the last write has failed; empty if it has not."""
        self._watch_tables()
        _watch_objects()
        s3.DATA_DIR = str(folder / "buckets")  # not before it is imported: it would load them then

    def _watch_tables(self) -> None:
        """Take part in each change of an item and in each record of a stream."""
        set_item, remove_item = dynamodb._set_item, dynamodb._remove_item
        build, replaced = dynamodb._build_change_record, dynamodb._items_replaced
        delete_table = dynamodb._delete_table

        def setting(table: Item, pk: str, sk: str, item: Item) -> Any:
            with self._lock:
                self._items[table["TableName"], str(pk), str(sk)] = item
                return set_item(table, pk, sk, item)

        def removing(table: Item, pk: str, sk: str) -> Any:
            with self._lock:
                self._items[table["TableName"], str(pk), str(sk)] = None
                return remove_item(table, pk, sk)

        def building(table: Item, *arguments: Any) -> Any:
            record = build(table, *arguments)
            with self._lock:
                number = record["dynamodb"]["SequenceNumber"]
                self._records.append((table["TableName"], number, record))
            return record

        def replacing(table: Item) -> Any:
            with self._lock:
                self._replaced.add(table["TableName"])
            return replaced(table)

        def deleting(data: Item) -> Any:
            answer = delete_table(data)
            with self._lock:
                self._replaced.add(dynamodb._normalize_table_name(data.get("TableName")))
            return answer

        dynamodb._set_item, dynamodb._remove_item = setting, removing
        dynamodb._build_change_record, dynamodb._items_replaced = building, replacing
        dynamodb._delete_table = deleting

    def start(self) -> None:
        """Start to look at queues from time to time, and to forget records."""
        poll = lambda_svc._poll_dynamodb_streams

        def polling() -> Any:
            self._forget()  # here, because this thread alone reads streams by position
            return poll()

        lambda_svc._poll_dynamodb_streams = polling
        threading.Thread(target=self._tick, daemon=True, name="journal").start()

    def _tick(self) -> None:
        while True:
            time.sleep(TICK_SECONDS)
            self.keeps(queues=True)

    def keeps(self, *, queues: bool = False, secrets: bool = False) -> bool:
        """Write the changes; return whether they were written."""
        try:
            self.flush(queues=queues, secrets=secrets)
        except sqlite3.Error as error:
            self.trouble = str(error)
        else:
            self.trouble = ""
        return not self.trouble

    def flush(self, *, queues: bool = False, secrets: bool = False) -> None:
        """Write the changes in one transaction; write nothing before the restore is complete.

        Changes that cannot be written wait for the next call.
        """
        if not self._is_restored:
            return
        with self._lock:
            self._has_new_secrets |= secrets
            changed, messages = self._changed_messages() if queues else ([], self._messages)
            secrets = self._has_new_secrets
            if not (self._items or self._replaced or self._records or changed or secrets):
                return
            with self._transaction():
                self._write_tables()
                self._write_messages(changed)
                if secrets:
                    self._write_secrets()
            self._messages = messages
            self._has_new_secrets = False
            for written in (self._items, self._replaced, self._records):
                written.clear()

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._file.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._file.execute("COMMIT")
        except BaseException:
            if self._file.in_transaction:
                self._file.execute("ROLLBACK")
            raise

    def _write_tables(self) -> None:
        for name in self._replaced:
            self._file.execute('DELETE FROM items WHERE "table" = ?', (name,))
            table = dynamodb._tables.get_scoped(*self._scope, name)
            for pk, items in (table or {"items": {}})["items"].items():
                self._items |= {(name, str(pk), str(sk)): item for sk, item in items.items()}
        gone = [key for key, item in self._items.items() if item is None]
        kept = [(*key, _text(item)) for key, item in self._items.items() if item is not None]
        self._file.executemany('DELETE FROM items WHERE "table" = ? AND pk = ? AND sk = ?', gone)
        self._file.executemany("INSERT OR REPLACE INTO items VALUES (?, ?, ?, ?)", kept)
        records = [(table, number, _text(record)) for table, number, record in self._records]
        self._file.executemany("INSERT OR REPLACE INTO records VALUES (?, ?, ?)", records)

    def _changed_messages(self) -> tuple[list[tuple[str, str, Item | None]], _Seen]:
        """Return messages that are new, received or gone (None), and the state of all now."""
        now: _Seen = {}
        changed: list[tuple[str, str, Item | None]] = []
        for queue in list(sqs._queues._data.values()):
            for message in list(queue["messages"]):
                key = (queue["name"], message["id"])
                now[key] = (message.get("receive_count"), message.get("visible_at"))
                if self._messages.get(key) != now[key]:
                    changed.append((*key, message))
        changed += [(*key, None) for key in self._messages.keys() - now.keys()]
        return changed, now

    def _write_messages(self, changed: list[tuple[str, str, Item | None]]) -> None:
        for queue, id_, message in changed:
            if message is None:
                sql = "DELETE FROM messages WHERE queue = ? AND id = ?"
                self._file.execute(sql, (queue, id_))
            else:
                sql = (
                    "INSERT INTO messages (queue, id, message) VALUES (?, ?, ?)"
                    " ON CONFLICT (queue, id) DO UPDATE SET message = excluded.message"
                )
                self._file.execute(sql, (queue, id_, _text(dict(message))))

    def _write_secrets(self) -> None:
        for name, secret in list(secretsmanager._secrets._data.items()):
            self._file.execute(
                "INSERT OR REPLACE INTO secrets VALUES (?, ?)",
                (name[-1], _text(_current(secret).get("SecretString"))),
            )

    def restore(self) -> dict[str, int]:
        """Restore the data of the deployed resources; return how much of each was restored.

        Raises:
            ValueError: another version of this project has written the file.
        """
        (written,) = self._file.execute("SELECT value FROM meta WHERE name = 'format'").fetchone()
        if written != FORMAT:
            raise ValueError(f"the data are of format {written}, this is {FORMAT}")
        with self._lock, request_scope(*self._scope):
            self._items.clear()
            self._records.clear()
            counts = {
                "items": self._restore_items(),
                "messages": self._restore_messages(),
                "records": self._restore_records(),
            }
            s3._load_persisted_data()
            self._restore_secrets()
            self._items.clear()  # the values just set are in the file
            self._is_restored = True
        self.flush(queues=True, secrets=True)
        return counts

    def _restore_items(self) -> int:
        """Restore items of existing tables; others wait until their table exists again."""
        count = 0
        for name, text in self._file.execute('SELECT "table", item FROM items'):
            table = dynamodb._tables.get(name)
            if table is None:
                continue
            item, sort = json.loads(text), table["sk_name"]
            if table["pk_name"] not in item or (sort and sort not in item):
                continue  # the table has got another key
            pk = dynamodb._extract_key_val(item[table["pk_name"]])
            sk = dynamodb._extract_key_val(item[sort]) if sort else NO_SORT_KEY
            dynamodb._set_item(table, pk, sk, item)
            count += 1
        return count

    def _restore_messages(self) -> int:
        """Restore messages; those already received can be received again at once."""
        queues = {queue["name"]: queue for queue in sqs._queues._data.values()}
        now, count = time.time(), 0
        for name, text in self._file.execute("SELECT queue, message FROM messages ORDER BY place"):
            queue = queues.get(name)
            if queue is None:
                continue
            message = json.loads(text)
            if message.get("receive_count"):
                message |= {"visible_at": min(message["visible_at"], now), "receipt_handle": None}
            queue["messages"].append(message)
            queue["fifo_seq"] = max(queue["fifo_seq"], int(message.get("seq") or 0))
            count += 1
        return count

    def _restore_records(self) -> int:
        """Restore stream records that a function still needs, and each function's position."""
        records: dict[str, list[Item]] = {}
        for name, text in self._file.execute(
            'SELECT "table", record FROM records ORDER BY "table", number'
        ):
            table = dynamodb._tables.get(name)
            if table is not None and table.get("LatestStreamArn"):
                record = json.loads(text)
                record["eventSourceARN"] = table["LatestStreamArn"]  # it is new with each table
                records.setdefault(name, []).append(record)
        delivered = dict(self._file.execute("SELECT mapping, number FROM delivered"))
        for name, kept in records.items():
            dynamodb._stream_records[name] = kept
        with lambda_svc._dynamodb_stream_positions_lock:
            for mapping, esm, name in _mappings():
                done = delivered.get(mapping, "")
                place = sum(number_of(one) <= done for one in records.get(name, []))
                lambda_svc._dynamodb_stream_positions[esm["UUID"]] = place
        return sum(map(len, records.values()))

    def _restore_secrets(self) -> None:
        kept = dict(self._file.execute("SELECT name, value FROM secrets"))
        for name, secret in secretsmanager._secrets._data.items():
            if name[-1] in kept:
                _current(secret)["SecretString"] = json.loads(kept[name[-1]])

    def streams(self, done: Mapping[str, str]) -> dict[str, str]:
        """Forget the records that all functions are done with; answer what each has been given.

        Both are sequence numbers by mapping.
        """
        with self._lock, request_scope(*self._scope):
            given: dict[str, str] = {}
            slowest: dict[str, str] = {}
            for mapping, esm, name in _mappings():
                position = lambda_svc._dynamodb_stream_positions.get(esm["UUID"], 0)
                place = position - dynamodb._stream_trimmed.get(name, 0)
                records = dynamodb._stream_records.get(name) or []
                if 0 < place <= len(records):
                    given[mapping] = number_of(records[place - 1])
                elif not place and name in self._done:
                    given[mapping] = self._done[name]
                number = done.get(mapping, "")
                slowest[name] = min(slowest.get(name, number), number)
            if self._is_restored and done:
                with self._transaction():
                    self._file.executemany(
                        "INSERT OR REPLACE INTO delivered VALUES (?, ?)", done.items()
                    )
                    self._file.executemany(
                        'DELETE FROM records WHERE "table" = ? AND number <= ?', slowest.items()
                    )
                self._done |= {name: number for name, number in slowest.items() if number}
            return given

    def _forget(self) -> None:
        """Free the records that all functions are done with; ministack keeps them for a day."""
        with self._lock, request_scope(*self._scope):
            for name, number in self._done.items():
                records = dynamodb._stream_records.get(name) or []
                count = bisect_right(records, number, key=number_of)
                del records[:count]
                trimmed = dynamodb._stream_trimmed.get(name, 0)
                dynamodb._stream_trimmed[name] = trimmed + count


def number_of(record: Item) -> str:
    """Return the sequence number of a stream's record; they sort as text."""
    return str(record["dynamodb"]["SequenceNumber"])


def _mappings() -> Iterator[tuple[str, Item, str]]:
    """Yield each function that reads a table's stream: mapping name, function and table."""
    for esm in list(lambda_svc._esms._data.values()):
        source = esm.get("EventSourceArn", "")
        if ":dynamodb:" in source and "/stream/" in source:
            table = source.split("/stream/")[0].rpartition("/")[2]
            yield f"{esm['FunctionName']}|{table}", esm, table


def _current(secret: Item) -> Item:
    versions: list[Item] = list(secret["Versions"].values())
    return next(one for one in versions if "AWSCURRENT" in one["Stages"])


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def answering(app: Callable[..., Any], journal: Journal) -> Callable[..., Any]:
    """Answer a request after its changes are written; also answer the stack's own requests."""

    async def answer(scope: dict[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await app(scope, receive, send)
            return
        if scope["path"].startswith("/_sfn_cqrs/"):
            await _control(scope["path"].rpartition("/")[2], journal, receive, send)
            return
        queues, secrets = _concerns(scope)
        unkept: list[str] = []
        _unkept.set(unkept)
        is_refused = False

        async def sending(message: dict[str, Any]) -> None:
            nonlocal is_refused
            if is_refused:
                return
            if message["type"] == "http.response.start":
                is_kept = journal.keeps(queues=queues, secrets=secrets)
                is_refused = not is_kept or bool(unkept)
            if not is_refused:
                await send(message)
                return
            await send({"type": "http.response.start", "status": 503, "headers": []})
            await send({"type": "http.response.body", "body": b""})  # valid in every protocol

        await app(scope, receive, sending)

    return answer


def _watch_objects() -> None:
    """Learn which objects ministack could not write: it only logs that."""
    persist, write = s3._persist_object, s3._atomic_write
    written: set[str] = set()

    def writing(path: str, *arguments: Any, **named: Any) -> None:
        write(path, *arguments, **named)
        written.add(path)

    def persisting(bucket: str, key: str, obj: Any) -> None:
        written.clear()
        persist(bucket, key, obj)
        if not any(path.endswith(OBJECT_IS_WRITTEN) for path in written):
            _unkept.get([]).append(f"{bucket}/{key}")

    s3._persist_object, s3._atomic_write = persisting, writing


def _concerns(scope: Mapping[str, Any]) -> tuple[bool, bool]:
    """Return whether a request may change queues, and secrets."""
    headers = {name.lower(): value.lower() for name, value in scope["headers"]}
    target = headers.get(b"x-amz-target", b"")
    form = headers.get(b"content-type", b"").startswith(b"application/x-www-form-urlencoded")
    queues = form or target.startswith((b"amazonsqs.", b"awsevents."))
    return queues, target.startswith(b"secretsmanager.")


async def _control(what: str, journal: Journal, receive: Any, send: Any) -> None:
    body, more = b"", True
    while more:
        message = await receive()
        body, more = body + message.get("body", b""), message.get("more_body", False)
    status = 200
    answer: Mapping[str, str | int] = {}
    try:
        if what == "restore":
            answer = journal.restore()
        elif what == "trouble":
            answer = {"trouble": journal.trouble}
        elif what == "streams":
            answer = journal.streams(json.loads(body))
        else:
            status = 404
    except (ValueError, sqlite3.Error) as error:
        status, answer = 500, {"message": str(error)}
    headers = [(b"content-type", b"application/json")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": json.dumps(answer).encode()})
