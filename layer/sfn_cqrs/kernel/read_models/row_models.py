"""The class that says what the rows of a read model are."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from sfn_cqrs.kernel.models.models import Model

BESIDE: Final = frozenset(("version", "is_deleted", "ttl", "erased"))
"""Keys that a row may have besides its class's fields."""


@dataclass(frozen=True)
class RowModel:
    """Hold the rows of a read model against its class; other partitions are the handler's own."""

    view: str
    model: Model
    partitions: tuple[str, ...] = ()

    def check(self, partition: str, row: Mapping[str, Any]) -> None:
        """Refuse a row that does not fit, if it is in a partition that readers read.

        Raises:
            InvalidModelError: it names every wrong field.
        """
        if not self.partitions or partition in self.partitions:
            self.made(row)

    def made(self, row: Mapping[str, Any]) -> Any:
        """Make an instance of the class.

        Raises:
            InvalidModelError: it names every wrong field.
        """
        names = self.model.names
        fields = {name: row[name] for name in row if name in names or name not in BESIDE}
        return self.model.made({**dict.fromkeys(self._may_be_null), **fields}, self.view)

    def plain(self, row: Any) -> dict[str, Any]:
        """Return an instance as what is stored: JSON values."""
        dump = getattr(row, "model_dump", None)
        if dump is None:
            import msgspec  # noqa: PLC0415 - no cold start waits for it

            return dict(msgspec.to_builtins(row))
        return dict(dump(mode="json"))

    def schema(self) -> dict[str, Any]:
        """Describe a row as readers get it, as a JSON Schema."""
        schema = self.model.schema()
        return {
            **schema,
            "properties": {**schema["properties"], "version": {"type": "integer"}},
            "required": [one for one in schema.get("required", ()) if one not in self._may_be_null],
            "additionalProperties": True,
        }

    @cached_property
    def _may_be_null(self) -> frozenset[str]:
        """Return the needed fields that may be null: a stored row lacks them then."""
        schema = self.model.schema()
        return frozenset(
            name
            for name in schema.get("required", ())
            if {"type": "null"} in schema["properties"][name].get("anyOf", ())
        )


_models: dict[str, RowModel] = {}


def register(view: str, model: RowModel | None) -> None:
    """Remember the class of a read model's rows, or that there is none."""
    if model is None:
        _models.pop(view, None)
    else:
        _models[view] = model


def find(view: str) -> RowModel | None:
    """Return the class of a read model's rows, or None."""
    return _models.get(view)
