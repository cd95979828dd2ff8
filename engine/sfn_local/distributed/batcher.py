"""ItemBatcher: several items for each child.

Source: Step Functions Developer Guide, "ItemBatcher (Map)".
"""

from collections.abc import Iterator
from dataclasses import dataclass

from sfn_local.dataflow.fields import compile_integer, compile_item_template, object_in
from sfn_local.document import MAX_BYTES, Document, Json, byte_size, dumps
from sfn_local.errors import DefinitionError
from sfn_local.executions.line import Visit

LIMITS = ("MaxItemsPerBatch", "MaxInputBytesPerBatch")


@dataclass(frozen=True, slots=True)
class Input:
    """The input of a child, and its number of items."""

    document: Document
    item_count: int


class Singles:
    """Without an ItemBatcher each item is a child's input."""

    held = 0

    def add(self, value: Json) -> Iterator[Input]:
        """The inputs that an item completes."""
        yield Input(Document(value), 1)

    def flush(self) -> Iterator[Input]:
        """The input that no further item joins."""
        yield from ()


class ItemBatcher:
    """The field of a Map state."""

    def __init__(self, state: dict[str, Json]) -> None:
        """Compile it.

        Raises:
            DefinitionError: it is not well formed.
        """
        batcher = object_in(state, "ItemBatcher")
        if not any(f"{name}{suffix}" in batcher for name in LIMITS for suffix in ("", "Path")):
            message = f"ItemBatcher needs one of {', '.join(LIMITS)}, or one of their paths"
            raise DefinitionError(message, "/ItemBatcher")
        self._most_items, self._most_bytes = (
            compile_integer(state, batcher, name, "/ItemBatcher", least=1) for name in LIMITS
        )
        self._batch_input = None
        if "BatchInput" in batcher:
            self._batch_input = compile_item_template(
                state, batcher["BatchInput"], "/ItemBatcher/BatchInput"
            )

    def begin(self, visit: Visit, document: Document) -> "Batches":
        """The batches of one Map Run.

        Raises:
            StateFailure: a limit's path leads to no positive number, or BatchInput to nothing.
        """
        fixed: dict[str, Json] = {}
        if self._batch_input is not None:
            fixed["BatchInput"] = self._batch_input(visit, document)
        most_bytes = self._most_bytes(visit, document) or MAX_BYTES
        most_items = self._most_items(visit, document)
        return Batches(fixed, most_items, min(most_bytes, MAX_BYTES))


class Batches:
    """Collects items until one more would be too many, or too large.

    An item that is too large alone is a batch of its own.
    """

    def __init__(self, fixed: dict[str, Json], most_items: int | None, most_bytes: int) -> None:
        """Fixed is the part of the envelope that all batches share."""
        self._fixed = fixed
        self._most_items = most_items
        self._most_bytes = most_bytes
        self._prefix = f'{dumps(fixed)[:-1]}{"," if fixed else ""}"Items":['
        self._envelope = byte_size(self._prefix) + len("]}")
        self._clear()

    @property
    def held(self) -> int:
        """How many items wait for their batch to be complete."""
        return len(self._values)

    def add(self, value: Json) -> Iterator[Input]:
        """The batches that an item completes."""
        text = dumps(value)
        size = byte_size(text) + len(",")
        if self._values and self._size + size - len(",") > self._most_bytes:
            yield self._take()
        self._values.append(value)
        self._texts.append(text)
        self._size += size
        if len(self._values) == self._most_items:
            yield self._take()

    def flush(self) -> Iterator[Input]:
        """The batch that no further item joins."""
        if self._values:
            yield self._take()

    def _take(self) -> Input:
        value = {**self._fixed, "Items": self._values}
        text = f"{self._prefix}{','.join(self._texts)}]}}"
        taken = Input(Document(value, text), len(self._values))
        self._clear()
        return taken

    def _clear(self) -> None:
        self._values: list[Json] = []
        self._texts: list[str] = []
        self._size = self._envelope
