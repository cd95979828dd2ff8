from collections.abc import Iterable, Iterator
from copy import deepcopy
from dataclasses import replace
from datetime import datetime

from sfn_cqrs.adapters.import_bucket import CHUNK, Form, Head, report_key
from sfn_cqrs.domain.errors import InvalidFileError, InvalidInputError, SupersededError
from sfn_cqrs.domain.import_job import Source
from sfn_cqrs.domain.imports import Counts, FailedRow, Marker, Plan, Planned
from sfn_cqrs.domain.keys import ImportKey
from sfn_cqrs_tools.testing.fakes.store import Store


class ImportTable:
    """The plans, markers and counters of jobs."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._plans: dict[tuple[ImportKey, int], Plan] = {}
        self.counted: dict[ImportKey, dict[int, Marker]] = {}
        self.sums: dict[ImportKey, Counts] = {}
        self.sealed: set[ImportKey] = set()

    def plan(self, key: ImportKey, first: int, plan: Plan) -> Plan | None:
        with self._store.lock:
            kept = self._plans.get((key, first))
            if kept is None:
                self._plans[key, first] = dict(plan)
            return deepcopy(kept)

    def plans(self, key: ImportKey) -> Iterator[tuple[int, Plan]]:
        with self._store.lock:
            kept = {
                first: deepcopy(plan) for (job, first), plan in self._plans.items() if job == key
            }
        return iter(sorted(kept.items()))

    def replan(
        self, key: ImportKey, first: int, row: int, before: Planned, after: Planned
    ) -> Planned:
        with self._store.lock:
            kept = self._plans[key, first]
            if kept[row] == before:
                kept[row] = after
            return kept[row]

    def count(self, key: ImportKey, marker: Marker) -> Counts:
        with self._store.lock:
            markers = self.counted.setdefault(key, {})
            if marker.first in markers:
                return markers[marker.first].counts
            if key in self.sealed:
                raise SupersededError(f"{key.id} has ended")
            markers[marker.first] = marker
            self.sums[key] = self.sums.get(key, Counts()) + marker.counts
            return marker.counts

    def seal(self, key: ImportKey) -> None:
        with self._store.lock:
            self.sealed.add(key)

    def counts(self, key: ImportKey) -> Counts:
        with self._store.lock:
            return self.sums.get(key, Counts())

    def markers(self, key: ImportKey) -> Iterator[Marker]:
        with self._store.lock:
            return iter([each for _, each in sorted(self.counted.get(key, {}).items())])


class ImportBucket:
    """Objects by key, each with its versions; and the failed rows of jobs, by batch."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.objects: dict[str, list[bytes]] = {}
        self.modified: dict[str, list[datetime]] = {}
        self.reports: dict[ImportKey, bytes] = {}
        self.failed: dict[tuple[ImportKey, int], list[FailedRow]] = {}

    def put(self, key: str, body: bytes) -> None:
        """Upload a file, as a user does."""
        self.objects.setdefault(key, []).append(body)
        self.modified.setdefault(key, []).append(self._store.now())

    def head(self, key: str, version_id: str | None = None) -> Head | None:
        versions = self.objects.get(key, [])
        number = int(version_id) if version_id else len(versions)
        if not 1 <= number <= len(versions):
            return None
        return Head(str(number), len(versions[number - 1]), self.modified[key][number - 1])

    def source(self, key: str, version_id: str) -> Source:
        return Source("imports", key, version_id)

    def chunks(self, source: Source) -> Iterator[bytes]:
        body = self._body(source)
        return (body[start : start + CHUNK] for start in range(0, len(body), CHUNK))

    def lines(self, source: Source) -> Iterator[bytes]:
        return iter(self._body(source).splitlines())

    def _body(self, source: Source) -> bytes:
        if source.key not in self.objects:
            raise InvalidFileError("gone", "the file was deleted; upload it again")
        return self.objects[source.key][int(source.version_id) - 1]

    def put_rows(self, key: ImportKey, lines: Iterable[str]) -> Source:
        body = "".join(f"{line}\n" for line in lines).encode()
        name = f"jobs/{key.tenant}/{key.id}/rows.jsonl"
        self.put(name, body)
        return Source("imports", name, str(len(self.objects[name])))

    def put_report(self, key: ImportKey, lines: Iterable[str]) -> None:
        self.reports[key] = "".join(lines).encode()

    def report(self, key: ImportKey) -> Iterator[bytes] | None:
        report = self.reports.get(key)
        return None if report is None else iter([report])

    def key_of(self, named: str) -> str:
        if named.startswith("s3://") and not named.startswith("s3://imports/"):
            raise InvalidInputError("key", "must be in the bucket imports")
        return named.removeprefix("s3://imports/")

    def upload_form(self, key: str, _largest: int) -> Form:
        return Form("https://imports.s3.eu-west-1.amazonaws.com/", {"key": key, "policy": "p"})

    def report_size(self, key: ImportKey) -> int | None:
        report = self.reports.get(key)
        return None if report is None else len(report)

    def report_link(self, key: ImportKey) -> str:
        return f"https://imports.s3.eu-west-1.amazonaws.com/{report_key(key)}?X-Amz-Signature=s"

    def put_errors(self, key: ImportKey, first: int, failed: Iterable[FailedRow]) -> None:
        with self._store.lock:
            self.failed[key, first] = [
                FailedRow(replace(each.row, problem=None), each.problem) for each in failed
            ]

    def errors(self, key: ImportKey, first: int) -> Iterator[FailedRow]:
        with self._store.lock:
            return iter(list(self.failed[key, first]))
