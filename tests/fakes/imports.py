from collections.abc import Iterable, Iterator
from copy import deepcopy
from dataclasses import replace

from tests.fakes.store import Store

from sfn_cqrs.adapters.import_bucket import FailedRow
from sfn_cqrs.domain.imports import Counts, Marker, Plan, Planned
from sfn_cqrs.domain.keys import ImportKey


class ImportTable:
    """The plans, markers and counters of jobs."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.plans: dict[tuple[ImportKey, int], Plan] = {}
        self.counted: dict[ImportKey, dict[int, Marker]] = {}
        self.sums: dict[ImportKey, Counts] = {}

    def plan(self, key: ImportKey, first: int, plan: Plan) -> Plan | None:
        with self._store.lock:
            kept = self.plans.get((key, first))
            if kept is None:
                self.plans[key, first] = dict(plan)
            return deepcopy(kept)

    def replan(
        self, key: ImportKey, first: int, row: int, before: Planned, after: Planned
    ) -> Planned:
        with self._store.lock:
            kept = self.plans[key, first]
            if kept[row] == before:
                kept[row] = after
            return kept[row]

    def count(self, key: ImportKey, marker: Marker) -> Counts:
        with self._store.lock:
            markers = self.counted.setdefault(key, {})
            if marker.first in markers:
                return markers[marker.first].counts
            markers[marker.first] = marker
            self.sums[key] = self.sums.get(key, Counts()) + marker.counts
            return marker.counts

    def counts(self, key: ImportKey) -> Counts:
        with self._store.lock:
            return self.sums.get(key, Counts())

    def markers(self, key: ImportKey) -> Iterator[Marker]:
        with self._store.lock:
            return iter([each for _, each in sorted(self.counted.get(key, {}).items())])


class ImportBucket:
    """The failed rows of jobs, by batch; a problem that the loader found is not kept twice."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.failed: dict[tuple[ImportKey, int], list[FailedRow]] = {}

    def put_errors(self, key: ImportKey, first: int, failed: Iterable[FailedRow]) -> None:
        with self._store.lock:
            self.failed[key, first] = [
                FailedRow(replace(each.row, problem=None), each.problem) for each in failed
            ]

    def errors(self, key: ImportKey, first: int) -> Iterator[FailedRow]:
        with self._store.lock:
            return iter(list(self.failed[key, first]))
