"""Commands and data rows: what is stored of a version, and of the item as it now is."""

from dataclasses import dataclass, field, fields
from enum import IntEnum
from typing import Any, Final, Generic

from sfn_cqrs.kernel.errors import AttributesTooLargeError, InvalidInputError
from sfn_cqrs.kernel.keys import ItemKey
from sfn_cqrs.kernel.models import models
from sfn_cqrs.kernel.models.models import M
from sfn_cqrs.kernel.values import Json, checked_json, checked_object, digest, merged, size_of

MAX_NAME_CHARACTERS = 1024
MAX_ATTRIBUTES_BYTES = 4 * 1024 * 1024
TAKEN_OVER = "original"
"""The source of versions from the TypeScript framework; lower ones may have expired there."""


class Known(IntEnum):
    """Versions that a caller may claim to build on, besides a real one."""

    NONE = 0
    LATEST = -1


@dataclass(frozen=True, slots=True)
class Audit:
    """The author of a change, with address and time (ISO 8601, UTC)."""

    at: str
    by: str = ""
    ip: str = ""


def checked_name(name: object) -> str:
    """The name of an item, a task or a saga, as a user sent it.

    Raises:
        InvalidInputError: it is not text, or too long.
    """
    if not isinstance(name, str) or len(name) > MAX_NAME_CHARACTERS:
        raise InvalidInputError(
            "name", f"must be a string of at most {MAX_NAME_CHARACTERS} characters"
        )
    return str(checked_json(name, "name"))


@dataclass(frozen=True, slots=True)
class Content:
    """A user's content for an item; two equal contents are not a change."""

    name: str
    attributes: dict[str, Json] = field(default_factory=dict)
    is_deleted: bool = False

    @classmethod
    def checked(cls, name: object, attributes: object, *, is_deleted: object = False) -> "Content":
        """Make a content from a user's input.

        Raises:
            InvalidInputError: a field cannot be stored; the error names it.
        """
        called = checked_name(name)
        if not isinstance(is_deleted, bool):
            raise InvalidInputError("isDeleted", "must be true or false")
        checked_attributes = checked_object(attributes, "attributes")
        size = size_of(checked_attributes)
        if size > MAX_ATTRIBUTES_BYTES:
            raise AttributesTooLargeError(
                "attributes",
                f"have {size} bytes as JSON, and an item has at most {MAX_ATTRIBUTES_BYTES};"
                " store what is larger elsewhere, and where it is here",
            )
        return cls(called, checked_attributes, is_deleted)

    @property
    def as_asked(self) -> Json:
        """What a request's fingerprint has of it."""
        return [self.name, self.attributes, self.is_deleted]

    def digest(self, key: ItemKey) -> str:
        """The fingerprint that the dirty check compares."""
        return digest([key.type, key.code, self.name, self.attributes, self.is_deleted])


@dataclass(frozen=True, slots=True)
class Patch:
    """What changes of an item's content; None stays as it is.

    Attributes merge by RFC 7396: null removes, objects merge, any other value replaces.
    """

    name: str | None = None
    attributes: dict[str, Json] = field(default_factory=dict)
    is_deleted: bool | None = None

    @classmethod
    def checked(cls, name: object, attributes: object, *, is_deleted: object) -> "Patch":
        """Make a patch from a user's input.

        Raises:
            InvalidInputError: a field cannot be stored; the error names it.
        """
        found = Content.checked(
            "" if name is None else name,
            {} if attributes is None else attributes,
            is_deleted=False if is_deleted is None else is_deleted,
        )
        return cls(
            None if name is None else found.name,
            found.attributes,
            None if is_deleted is None else found.is_deleted,
        )

    @property
    def as_asked(self) -> Json:
        """What a request's fingerprint has of it."""
        return ["partial", self.name, self.attributes, self.is_deleted]

    def on(self, state: "Stored[Any]") -> Content:
        """Return the content of an item at a state, once this is changed.

        Raises:
            InvalidInputError: it cannot be stored.
        """
        return Content.checked(
            state.name if self.name is None else self.name,
            merged(state.attributes, self.attributes),
            is_deleted=state.is_deleted if self.is_deleted is None else self.is_deleted,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored(Generic[M]):
    """The stored data of an item at a version; `M` is the model of its type.

    `attributes_s3` is the key of the object with large attributes; a record that is read from a
    table has them in `content` as well. `source` is the import that published it, if one did, and
    `source_row` its row there. `content` is as it was stored, in the shape of that time, whose
    number is `shape`; `attributes` and `model` are in the shape of today. `erased` is the erasure
    of a person that has replaced personal fields since.
    """

    key: ItemKey
    version: int
    content: Content
    created: Audit
    updated: Audit
    source: str = ""
    source_row: int | None = None
    attributes_s3: str | None = None
    shape: int = 1
    erased: str = ""

    @property
    def name(self) -> str:
        """The item's name."""
        return self.content.name

    @property
    def attributes(self) -> dict[str, Json]:
        """The item's attributes, in the current shape of the type."""
        return models.converted(self.key.type, self.shape, self.content.attributes)

    @property
    def is_deleted(self) -> bool:
        """Whether the item is deleted, at this version."""
        return self.content.is_deleted

    @property
    def converted(self) -> Content:
        """The content, in the current shape of the type."""
        return Content(self.name, self.attributes, self.is_deleted)

    @property
    def model(self) -> M:
        """The attributes as an instance of the type's model.

        Raises:
            TypeError: `command_type` declares no model.
            InvalidModelError: the attributes do not fit the model, such as those of an old version.
        """
        model: M = models.made(self.key.type, self.attributes)
        return model


@dataclass(frozen=True, slots=True, kw_only=True)
class Command(Stored[M]):
    """One version of an item, immutable once stored.

    `depth` is how many handlers of notices led to it. `unique` are the hashes of the values that it
    has reserved. `together` are the versions that were published with it, and it, in their order.
    """

    id: str
    digest: str
    request_id: str = ""
    depth: int = 0
    unique: tuple[str, ...] = ()
    together: tuple[str, ...] = ()

    def says(self, content: Content) -> bool:
        """Return whether it says the same as content of today's shape."""
        if self.shape < models.shape_of(self.key.type):
            return self.converted.digest(self.key) == content.digest(self.key)
        return self.digest == content.digest(self.key)

    def as_row(self) -> "DataRow[M]":
        """The data row once this version is applied."""
        return DataRow(command_id=self.id, **_shared(self))


@dataclass(frozen=True, slots=True, kw_only=True)
class DataRow(Stored[M]):
    """The state of an item, current or at a version."""

    command_id: str

    def as_command(self) -> Command[M]:
        """The command that made the row, as far as the row has its fields."""
        digest = self.content.digest(self.key)
        return Command(id=self.command_id, digest=digest, **_shared(self))


_SHARED: Final = tuple(one.name for one in fields(Stored))


def _shared(state: Stored[M]) -> dict[str, Any]:
    return {name: getattr(state, name) for name in _SHARED}
