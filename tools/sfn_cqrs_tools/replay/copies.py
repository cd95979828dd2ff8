"""Tables in memory for handlers that must not change the stack.

They begin as the stack's: an item is copied when it is first looked at, and changed in memory.
Read models begin empty.
"""

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial
from typing import Any, Final

from sfn_cqrs import bootstrap
from sfn_cqrs.kernel.aws.tracing import Tracer
from sfn_cqrs_tools.testing.dynamodb import DynamoDB, Index
from sfn_cqrs_tools.testing.dynamodb.tables import Partition, Place, Stored, Table, place_of

READS: Final = frozenset(
    ("get_item", "batch_get_item", "query", "scan", "get_paginator", "get_object", "head_object")
)
OUTSIDE: Final = frozenset(
    (
        *("socket.connect", "socket.getaddrinfo", "socket.sendto", "socket.sendmsg"),
        *("subprocess.Popen", "os.system", "os.exec", "os.fork", "os.forkpty"),
        *("os.posix_spawn", "os.spawn", "pty.spawn"),
    )
)
"""The audit events of Python for code that is about to leave the process."""
OTHER_SERVICES: Final = (
    *("sns", "sqs", "stepfunctions", "secretsmanager", "rds-data", "lambda", "events"),
)


class NotCoveredError(Exception):
    """A handler does what a replay cannot do without changing something."""


class ReadOnly:
    """A client of AWS that only reads."""

    def __init__(self, client: Any) -> None:
        """Use this client."""
        self._client = client

    def __getattr__(self, name: str) -> Any:
        """Return a call that reads.

        Raises:
            NotCoveredError: the call may write.
        """
        if name.startswith("__"):
            raise AttributeError(name)
        if name not in READS:
            if _Guard.copy is not None:
                _Guard.copy.refuse(f"it calls {name}")
            raise NotCoveredError(name)
        return partial(_reading, getattr(self._client, name))


class _Partitions(dict[str, Partition]):
    """The partitions of a table, each copied when it is first asked for as a whole."""

    def __init__(self, copy: Callable[[str], None]) -> None:
        super().__init__()
        self._copy = copy

    def get(self, pk: str, default: Any = None) -> Any:
        self._copy(pk)
        return super().get(pk, default)


class CopiedTable(Table):
    """A table that begins as the stack's, or empty but for some partitions."""

    def __init__(
        self, name: str, indexes: Mapping[str, Index], client: ReadOnly, begins: str = ""
    ) -> None:
        """Copy partitions whose key begins so."""
        super().__init__(indexes)
        self._name, self._client, self._begins = name, client, begins
        self._seen: set[str | Place] = set()
        self.partitions = _Partitions(self._copy_partition)

    def find(self, place: Place) -> Stored | None:
        """Return the item in a place, which is copied first."""
        if self._is_new(place, place[0]):
            key = {name: {"S": value} for name, value in zip(("pk", "sk"), place, strict=True)}
            answer = self._client.get_item(TableName=self._name, Key=key, ConsistentRead=True)
            self._seen.add(place)
            if "Item" in answer:
                super().put(place, self.prepared(answer["Item"]))
        partition = dict.get(self.partitions, place[0])
        return None if partition is None else partition.entries.get(place[1])

    def _copy_partition(self, pk: str) -> None:
        if not self._is_new(pk, pk):
            return
        pages = self._client.get_paginator("query").paginate(
            TableName=self._name,
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues={":pk": {"S": pk}},
            ConsistentRead=True,
        )
        found = [(place_of({"pk": one["pk"], "sk": one["sk"]}), one) for one in _listed(pages)]
        known = {place for place, _ in found if place in self._seen}
        self._seen.update((pk, *(place for place, _ in found)))
        for place, item in found:
            if place not in known:
                super().put(place, self.prepared(item))

    def _is_new(self, what: str | Place, pk: str) -> bool:
        return pk.startswith(self._begins) and what not in self._seen and pk not in self._seen


class Copy(DynamoDB):
    """The stack's tables as handlers see them in a replay.

    `summed` has the places of rows that somebody added to: each is made by several items. `refused`
    has what handlers did that no replay can do.
    """

    def __init__(self, client: ReadOnly, tables: Mapping[str, Mapping[str, Index]], empty: str):
        """Copy these tables; the one that begins empty keeps the generations of read models."""
        super().__init__({})
        self._tables = {
            name: CopiedTable(name, indexes, client, "#" if name == empty else "")
            for name, indexes in tables.items()
        }
        self._rows = empty
        self.summed: set[Place] = set()
        self.refused: set[str] = set()

    def query(self, **call: Any) -> dict[str, Any]:
        """Return a page of a partition; an index cannot be copied."""
        if "IndexName" in call:
            self.refuse("it queries an index")
        return super().query(**call)

    def scan(self, **_call: Any) -> dict[str, Any]:
        """Refuse: a whole table is not copied."""
        self.refuse("it scans a table")
        raise AssertionError

    def update_item(self, **call: Any) -> dict[str, Any]:
        """Change an item, and note a row that is added to."""
        self._note(call)
        return super().update_item(**call)

    def transact_write_items(self, **call: Any) -> dict[str, Any]:
        """Write all parts or none, and note rows that are added to."""
        answer = super().transact_write_items(**call)
        for part in call["TransactItems"]:
            self._note(part.get("Update", {}))
        return answer

    def refuse(self, what: str) -> None:
        """Note what a handler cannot do here.

        Raises:
            NotCoveredError: always.
        """
        self.refused.add(what)
        raise NotCoveredError(what)

    def _note(self, update: Mapping[str, Any]) -> None:
        if update.get("TableName") == self._rows:
            self.summed.add(place_of(update["Key"]))


class Refusing:
    """A part of the stack that handlers cannot use in a replay."""

    def __init__(self, copy: Copy, name: str) -> None:
        """Refuse whatever is asked of it."""
        self._copy, self._name = copy, name

    def __getattr__(self, name: str) -> Any:
        """Refuse.

        Raises:
            NotCoveredError: always.
        """
        if name.startswith("__"):
            raise AttributeError(name)
        return self._copy.refuse(f"it uses {self._name}")


@contextmanager
def parts_of(dynamodb: Any, s3: Any, copy: Copy | None = None) -> Iterator[None]:
    """Make all parts of the runtime anew in the block, over clients that only read, or a copy."""
    clock = bootstrap.clock()
    with bootstrap.override():
        bootstrap.reset()
        given: dict[str, Any] = {"clock": clock, "client:dynamodb": dynamodb, "client:s3": s3}
        if copy is not None:
            others: dict[str, Any] = {
                f"client:{name}": Refusing(copy, name) for name in OTHER_SERVICES
            }
            others |= {"sql": Refusing(copy, "PostgreSQL"), "tracer": Tracer("", str)}
            given |= {"client:dynamodb": copy, **others}
        with bootstrap.override(**given):
            yield


_reads: ContextVar[bool] = ContextVar("reads", default=False)


class _Guard:
    """Whether a handler runs that must not reach anything outside."""

    copy: Copy | None = None
    is_watching = False


@contextmanager
def alone(copy: Copy) -> Iterator[None]:
    """Refuse calls of other hosts and programs in the block, from whichever thread."""
    if not _Guard.is_watching:
        sys.addaudithook(_watch)
        _Guard.is_watching = True
    _Guard.copy = copy
    try:
        yield
    finally:
        _Guard.copy = None


def _watch(event: str, _args: tuple[Any, ...]) -> None:
    if _Guard.copy is not None and event in OUTSIDE and not _reads.get():
        _Guard.copy.refuse("it calls another host or program")


def _reading(call: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Call AWS for an item that is copied."""
    token = _reads.set(True)
    try:
        answer = call(*args, **kwargs)
        return _Pages(answer) if hasattr(answer, "paginate") else answer
    finally:
        _reads.reset(token)


class _Pages:
    """A paginator whose pages are read at once."""

    def __init__(self, paginator: Any) -> None:
        self._paginator = paginator

    def paginate(self, **call: Any) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = _reading(lambda: list(self._paginator.paginate(**call)))
        return found


def _listed(pages: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for page in pages:
        yield from page["Items"]
