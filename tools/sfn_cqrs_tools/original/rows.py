"""A row of the original's tables, and what it is here."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

from sfn_cqrs.kernel.clock import iso, ulid_of
from sfn_cqrs.kernel.command import TAKEN_OVER, Audit, Command, Content
from sfn_cqrs.kernel.keys import MAX_VERSION, ItemKey
from sfn_cqrs_tools.original.sources import SourceError

Row = dict[str, Any]
"""A row in plain values: whole numbers are int, others Decimal."""
Load = Callable[[str], Any]
"""Returns the attributes that an `s3://` address leads to."""
S3: Final = "s3://"
_SHARP, _AT = "#", "@"


class RefusedError(Exception):
    """A row cannot be taken; the text says why."""


def row_of(line: str, place: str) -> Row:
    """Return the row of a line: plain JSON, DynamoDB's JSON, or a line of an export to S3.

    Raises:
        SourceError: the line is none of these.
    """
    try:
        found = json.loads(line, parse_float=Decimal)
    except ValueError as error:
        raise SourceError(
            f"{place}, is not JSON; a file has one item a line, as jq -c '.Items[]' prints it"
        ) from error
    if isinstance(found, dict) and "Keys" in found:
        raise SourceError(f"{place}, is of an incremental export; export the whole table")
    row = found.get("Item", found) if isinstance(found, dict) else None
    if not isinstance(row, dict) or not {"pk", "sk"} <= row.keys():
        raise SourceError(f"{place}, is not an item with pk and sk")
    is_typed = isinstance(row["pk"], dict)
    return {name: _plain(value) for name, value in row.items()} if is_typed else row


def _plain(typed: Any) -> Any:
    """Return a value without DynamoDB's tags: a set as a sorted list, binary as base64 text."""
    ((tag, value),) = typed.items()
    if tag == "N":
        return _number(value)
    if tag == "M":
        return {name: _plain(inner) for name, inner in value.items()}
    if tag == "L":
        return [_plain(inner) for inner in value]
    if tag == "NS":
        return sorted(map(_number, value))
    if tag in ("SS", "BS"):
        return sorted(value)
    return None if tag == "NULL" else value


def _number(digits: str) -> int | Decimal:
    number = Decimal(digits)
    return int(number) if number == number.to_integral_value() else number


def split(sk: str) -> tuple[str, int | None]:
    """Return a sort key without its version, and the version (None: it has none)."""
    base, at, version = sk.rpartition(_AT)
    return (base, int(version)) if at and version.isdecimal() else (sk, None)


def owner_of(row: Row) -> tuple[str, str]:
    """Return what precedes the tenant in the partition key, and the tenant.

    Raises:
        RefusedError: the row names another tenant than its key.
    """
    prefix, sharp, tail = str(row["pk"]).rpartition(_SHARP)
    tenant = str(row.get("tenantCode") or tail)
    if not sharp:
        return tail, tenant
    if tenant != tail:
        raise RefusedError(f"tenantCode is {tenant!r}, and pk is of the tenant {tail!r}")
    return prefix, tenant


@dataclass(frozen=True, slots=True)
class Reading:
    """How rows are read: new names of types, and where large attributes are."""

    types: Mapping[str, str]
    load: Load

    def type_of(self, name: str) -> str:
        """Return the type here of a type there."""
        return self.types.get(name, name)

    def key_of(self, row: Row, base: str) -> ItemKey:
        """Return the item's key here: its code is the sort key without the version, the base.

        Raises:
            RefusedError: the tenant is not clear.
            InvalidInputError: a part is not allowed here.
        """
        name, tenant = owner_of(row)
        return ItemKey.checked(tenant, self.type_of(name), base)

    def content_of(self, row: Row) -> Content:
        """Return the content of a row, from S3 if it is there.

        Raises:
            RefusedError: the object is missing.
            InvalidInputError: the content is not allowed here.
        """
        attributes = row.get("attributes")
        if isinstance(attributes, str) and attributes.startswith(S3):
            attributes = self.load(attributes)
        name = row.get("name")
        return Content.checked(
            "" if name is None else name,
            {} if attributes is None else attributes,
            is_deleted=bool(row.get("isDeleted")),
        )


@dataclass(frozen=True, slots=True)
class Version:
    """One version of an item, as the original's tables have it.

    `state` is the row of data or of history, `command` that of the command; one may be missing.
    """

    number: int
    state: Row | None
    command: Row | None

    @property
    def row(self) -> Row:
        """Return the row whose content is taken: the state that readers saw, if it is there."""
        row = self.state or self.command
        assert row is not None
        return row

    def command_of(self, key: ItemKey, reading: Reading, created: Audit) -> Command:
        """Return the version as a command of this framework, always the same one.

        Raises:
            RefusedError, InvalidInputError: it cannot be taken.
        """
        if not 0 < self.number <= MAX_VERSION:
            raise RefusedError(f"version {self.number} is not between 1 and {MAX_VERSION}")
        # A status changes updatedAt of a command: only createdAt is when it was published.
        updated = _audit(self.command, "created") if self.command else _audit(self.row, "updated")
        content = reading.content_of(self.row)
        return Command(
            key=key,
            version=self.number,
            id=command_id(key, self.number, created),
            content=content,
            digest=content.digest(key),
            created=created,
            updated=updated,
            source=TAKEN_OVER,
            request_id=str((self.command or self.row).get("requestId") or ""),
        )


def command_id(key: ItemKey, version: int, created: Audit) -> str:
    """Return the id of a version: the same one for the same version there, at every run."""
    made = datetime.fromisoformat(created.at)
    return ulid_of(made, TAKEN_OVER, key.tenant, key.type, key.code, str(version))


def created_of(row: Row) -> Audit:
    """Return who made the item, and when.

    Raises:
        RefusedError: the row has no time.
    """
    return _audit(row, "created")


def _audit(row: Row, which: str) -> Audit:
    other = "updated" if which == "created" else "created"
    at = row.get(f"{which}At") or row.get(f"{other}At")
    by, ip = row.get(f"{which}By"), row.get(f"{which}Ip")
    return Audit(moment(at), str(by or ""), str(ip or ""))


def moment(at: object) -> str:
    """Return a time in UTC; without an offset, it is UTC already.

    Raises:
        RefusedError: it is not a time.
    """
    try:
        found = datetime.fromisoformat(str(at))
    except ValueError as error:
        raise RefusedError(f"{at!r} is not a time") from error
    aware = found if found.tzinfo else found.replace(tzinfo=UTC)
    return iso(aware.astimezone(UTC))
