"""Exact sums: each item counts in one of them with an amount, however often its versions come."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

from sfn_cqrs.kernel.command import Command
from sfn_cqrs.kernel.keys import ItemKey
from sfn_cqrs.kernel.read_models.read_model import ReadModel, count_writes
from sfn_cqrs.kernel.tables.dynamodb import Item

Place = tuple[str, str]
"""The partition and the sort key of a sum."""
Amount = int | Decimal
Part = tuple[Command, Place | None, Amount]
"""A version, the sum in which its item counts from now on (None: in none), and how much."""
AT_ONCE = 33
"""Items of one transaction, which has 100 parts: what each counts, and two sums at most."""


class Sums:
    """The sums of a read model: rows with one number, and beside them what each item counts."""

    def __init__(self, view: ReadModel, attribute: str) -> None:
        """Keep the number in this attribute of the view's rows."""
        self._view = view
        self._attribute = attribute

    def add(self, command: Command, to: Place | None, amount: Amount = 1) -> bool:
        """Let the version's item count with an amount in one sum, and in no other any more.

        A deleted item counts in none.

        Args:
            command: the version, as the handler got it.
            to: the partition and the sort key of the sum, or None: the item counts in none.
            amount: an integer or a Decimal; what the item counted before is taken back.

        Returns:
            False if that version of the item or a later one has counted before.

        Raises:
            BusyError: another version of the item is in progress, or the sum is busy; try again.
            TypeError: the amount is a float, whose sums would not be exact.
        """
        return self.add_many([(command, to, amount)]) == 1

    def add_many(self, parts: Iterable[Part]) -> int:
        """Let many items count, as `add` does; of an item, only its latest version.

        Return how many had not counted before.

        Raises:
            BusyError, TypeError: as `add`.
        """
        latest: dict[ItemKey, Part] = {}
        for part in parts:
            if not isinstance(part[2], Amount) or isinstance(part[2], bool):
                raise TypeError(f"{part[2]!r} is neither an integer nor a Decimal")
            known = latest.get(part[0].key)
            if known is None or known[0].version < part[0].version:
                latest[part[0].key] = part
        given = list(latest.values())
        return sum(
            self._add(given[start : start + AT_ONCE]) for start in range(0, len(given), AT_ONCE)
        )

    def _add(self, given: Sequence[Part]) -> int:
        """Change what some items of one tenant count, in one transaction."""
        changes: dict[tuple[str, Place], Amount] = defaultdict(int)
        writes: list[dict[str, Any]] = []
        for command, to, amount in given:
            tenant, version = command.key.tenant, command.version
            key = self._view.place_of(tenant, f"{command.key.type}/{command.key.code}")
            before = self._view.stored(key)
            if before is not None and before["version"] >= version:
                continue
            counted = None if command.is_deleted else to
            row = {"version": version, "at": counted and list(counted), "amount": str(amount)}
            expected = None if before is None else int(before["version"])
            writes.append(self._view.put(key, row, expected))
            if before is not None and before.get("at"):
                place = before["at"][0], before["at"][1]
                changes[tenant, place] -= Decimal(before["amount"])  # a text: a float is not exact
            if counted is not None:
                changes[tenant, counted] += amount
        if writes:
            self._view.write_all([*writes, *self._additions(changes)])
        count_writes(put=len(writes), refused=len(given) - len(writes))
        return len(writes)

    def _additions(self, changes: dict[tuple[str, Place], Amount]) -> Iterable[Item]:
        for (tenant, place), amount in changes.items():
            if amount:
                yield self._view.add(tenant, *place, self._attribute, amount)
