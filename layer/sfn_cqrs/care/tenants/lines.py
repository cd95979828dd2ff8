"""A tenant's items as lines of JSON, each item as it is at one moment.

Most items are at rest. Their versions are taken from the scan, then their earlier states are read,
and their rows last, for some items together. If a row has the newest of the versions, nothing was
applied in between. Any other item is read alone, until its row stays the same.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sfn_cqrs import bootstrap
from sfn_cqrs.kernel.aws.groups import Weight, groups
from sfn_cqrs.kernel.command import Command, Content, Stored
from sfn_cqrs.kernel.errors import BusyError, InvalidInputError
from sfn_cqrs.kernel.keys import ItemKey
from sfn_cqrs.kernel.tables.dynamodb import Item
from sfn_cqrs.kernel.values import Json
from sfn_cqrs.machines.command.items import FIELDS, as_command, as_key, as_process, as_row
from sfn_cqrs.machines.command.process import Outcome

TRIES: Final = 5
MOST: Final = (50, 400)
"""Items that are read together, and their versions and processes."""
TABLES: Final = {"command": "commands", "state": "history", "row": "data", "process": "commands"}
"""The table of each kind of line, in the order in which an item's lines are written."""
_ORDER: Final = list(TABLES)
_OF_THIS_STACK: Final = frozenset(
    (
        *("pk", "sk", "tenant", "attributes_s3", "open_shard", "task_token", "token_seq", "run"),
        *("trace", "unique"),
    )
)
_BESIDE: Final = frozenset(("ttl", "kind", "attributes", "deleted_version"))
"""What an adapter stores beside a record."""
_Part = tuple[str, Item]
"""A kind of line, and what is stored."""


@dataclass(frozen=True, slots=True)
class _Chain:
    """The versions of an item and their processes, in their order, as the scan found them."""

    key: ItemKey
    items: list[Item]

    @property
    def newest(self) -> int:
        """Return the newest version."""
        return max(int(item["version"]) for item in self.items)

    @property
    def place(self) -> tuple[str, str]:
        """Return where the row is."""
        return self.key.data_pk, self.key.sk

    @property
    def is_at_rest(self) -> bool:
        """Return whether nothing will change these versions: none is open, blocked or failed."""
        outcomes = [item["outcome"] for item in self.items if item["kind"] == "process"]
        return all(Outcome(outcome).is_settled for outcome in outcomes)

    @property
    def weight(self) -> Weight:
        """Return an item, and the number of its versions and processes."""
        return 1, len(self.items)

    def fits(self, states: Sequence[Item], row: Item) -> bool:
        """Return whether these were stored together with the versions.

        An erasure changes stored versions in place, and marks them.
        """
        if row["version"] != self.newest:
            return False
        commands = (item for item in self.items if item["kind"] == "command")
        marks = {item["version"]: item.get("erased") for item in commands}
        return all(
            each.get("erased") == marks.get(each["version"], each.get("erased"))
            for each in (*states, row)
        )


def check(line: Mapping[str, Any]) -> None:
    """Refuse a line with fields that no export has: they point into a stack, or make it work.

    Raises:
        ValueError: it has such a field, or its tables' records have no such field.
    """
    item, kind = line["item"], line["kind"]
    if foreign := sorted(_OF_THIS_STACK.intersection(item)):
        raise ValueError(f"it has {foreign[0]}, which no export has")
    if unknown := sorted(item.keys() - FIELDS[kind] - _BESIDE):
        raise ValueError(f"it has {unknown[0]}, which no {kind} has")


def check_line(key: ItemKey, line: Mapping[str, Any]) -> None:
    """Refuse a line whose record cannot be read, or is not what its digest says.

    An erasure replaces content and leaves the digest, and says so.

    Raises:
        KeyError, TypeError, ValueError: why not.
    """
    item = {**line["item"], "tenant": key.tenant}
    if line["kind"] == "process":
        as_process(item)
        return
    read = as_command if line["kind"] == "command" else as_row
    record: Stored[Any] = read(item, item["attributes"] or {})
    stored = record.content
    try:
        content = Content.checked(stored.name, stored.attributes, is_deleted=stored.is_deleted)
    except InvalidInputError as error:
        raise ValueError(str(error)) from error
    is_whole = isinstance(record, Command) and not record.erased and not line.get("lost")
    if is_whole and item["digest"] != content.digest(key):
        raise ValueError("its content is not that of its digest")


def exported(tenant: str, rate: float) -> Iterator[dict[str, Json]]:
    """Yield the lines of all items.

    Raises:
        BusyError: an item changes each time that it is read.
    """
    tables = bootstrap.audit_tables()
    tables.rate = rate
    for chains in groups(_chains(tenant), lambda chain: chain.weight, MOST):
        for parts in _together(chains):
            for kind, item in sorted(parts, key=lambda part: _ORDER.index(part[0])):
                yield _line(kind, item)


def _chains(tenant: str) -> Iterator[_Chain]:
    for items in bootstrap.audit_tables().partitions("commands", 0, 1, f"TENANT#{tenant}#"):
        ours = _of_versions(items)
        if ours:
            yield _Chain(as_key(ours[0]), ours)


def _of_versions(items: Iterable[Item]) -> list[Item]:
    """Return what an export has of a partition of the commands: no plan, which may still move."""
    return [item for item in items if item.get("kind") in ("command", "process")]


def _together(chains: list[_Chain]) -> Iterator[list[_Part]]:
    """Yield the parts of each item."""
    resting = [chain for chain in chains if chain.is_at_rest]
    states = _states(resting)
    rows = bootstrap.audit_tables().many("data", [chain.place for chain in resting])
    for chain in chains:
        row, of_item = rows.get(chain.place), states.get(chain.key, [])
        if row is not None and chain.fits(of_item, row):
            yield [
                *((item["kind"], item) for item in chain.items),
                *(("state", state) for state in of_item),
                ("row", row),
            ]
        else:
            yield _alone(chain.key)


def _states(chains: list[_Chain]) -> dict[ItemKey, list[Item]]:
    """Return the earlier states of items; a single one is read by its key, with those of others."""
    tables = bootstrap.audit_tables()
    places = {c.key: (c.key.pk, c.key.version_sk(1)) for c in chains if c.newest == 2}  # noqa: PLR2004
    single = tables.many("history", places.values())
    found = {key: [single[place]] for key, place in places.items() if place in single}
    for chain in chains:
        if chain.newest > 2:  # noqa: PLR2004
            stored = tables.partition("history", chain.key.pk)
            found[chain.key] = [one for one in stored if one["version"] < chain.newest]
    return found


def _alone(key: ItemKey) -> list[_Part]:
    tables, place = bootstrap.audit_tables(), (key.data_pk, key.sk)
    for _ in range(TRIES):
        before = tables.rows([place]).get(place)
        versions = _of_versions(tables.partition("commands", key.pk))
        found = [(item["kind"], item) for item in versions]
        states = [("state", item) for item in tables.partition("history", key.pk)]
        row = tables.rows([place]).get(place)
        if (before or {}).get("version") == (row or {}).get("version"):
            return [*found, *states, *([("row", row)] if row else [])]
    raise BusyError(f"{key.type}/{key.code} changes each time that it is read")


def _line(kind: str, item: Item) -> dict[str, Json]:
    kept = {name: value for name, value in item.items() if name not in _OF_THIS_STACK}
    line: dict[str, Json] = {"kind": kind, "item": kept}
    if item.get("attributes_s3"):
        attributes = bootstrap.attributes().of_item(item)
        kept["attributes"] = attributes or {}
        line["lost" if attributes is None else "large"] = True
    return line
