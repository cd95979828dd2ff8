"""How the versions that rows show have ended, and the last state of an item that was applied."""

from collections.abc import Iterable, Iterator

from sfn_cqrs import bootstrap
from sfn_cqrs.kernel.command import DataRow
from sfn_cqrs.kernel.keys import ItemKey
from sfn_cqrs.machines.command.process import Outcome

FEW_STATES = 2
"""The state before the row is the one wanted, unless versions have failed and been skipped."""


def outcome_of(row: DataRow) -> Outcome:
    """Return how the version of a row has ended: APPLIED, FAILED, SKIPPED, or OPEN.

    It is read consistently, and after the row.
    """
    return outcomes_of([row])[row.key]


def outcomes_of(rows: Iterable[DataRow]) -> dict[ItemKey, Outcome]:
    """Return how the versions of rows of different items have ended; one read for each hundred.

    A version without a process was applied by an import, or its process has expired.
    """
    keys = {row.key: row.version for row in rows}
    places = [{"pk": key.pk, "sk": key.process_sk(version)} for key, version in keys.items()]
    found = {process.key: process.outcome for process in bootstrap.processes().read_again(places)}
    return {key: _ended(found.get(key, Outcome.APPLIED)) for key in keys}


def last_applied(key: ItemKey) -> DataRow | None:
    """Return the newest state of an item whose version is APPLIED, from the row or the history."""
    return next((row for row in _states(key) if outcome_of(row) is Outcome.APPLIED), None)


def _states(key: ItemKey) -> Iterator[DataRow]:
    current = bootstrap.data().find(key)
    if current is not None:
        yield current
        yield from bootstrap.history().states(key, FEW_STATES)


def _ended(outcome: Outcome) -> Outcome:
    """Return the outcome of a version that has reached the row: what runs again is OPEN."""
    has_ended = outcome.is_settled or outcome is Outcome.FAILED
    return outcome if has_ended else Outcome.OPEN
