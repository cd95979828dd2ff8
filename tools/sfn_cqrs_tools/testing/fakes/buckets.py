from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from io import BytesIO
from itertools import count
from threading import RLock
from typing import Any

from botocore.exceptions import ClientError

from sfn_cqrs.kernel.aws.object_versions import Version
from sfn_cqrs.kernel.clock import Now
from sfn_cqrs.kernel.errors import InvalidFileError, InvalidInputError
from sfn_cqrs.kernel.keys import ImportKey, ZipKey
from sfn_cqrs.kernel.values import Json
from sfn_cqrs.machines.import_csv.bucket import CHUNK, Form, Head, report_key
from sfn_cqrs.machines.import_csv.job import Source
from sfn_cqrs.machines.import_csv.results import FailedRow
from sfn_cqrs.machines.zip_orchestrator.bucket import WINDOW

_numbers = count(1)
_NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)


class Objects:
    """A client of S3 that keeps the versions of objects by key, to put, to get and to delete."""

    def __init__(self) -> None:
        self.bodies: dict[str, bytes] = {}
        self.versions: dict[tuple[str, str], bytes] = {}

    def put_object(self, *, Key: str, Body: bytes, **_: Any) -> dict[str, Any]:  # noqa: N803
        self.bodies[Key] = Body
        self.versions[Key, str(next(_numbers))] = Body
        return {}

    def get_object(self, *, Key: str, **_: str) -> dict[str, Any]:  # noqa: N803
        if Key not in self.bodies:
            raise ClientError({"Error": {"Code": "NoSuchKey", "Message": Key}}, "GetObject")
        return {"Body": BytesIO(self.bodies[Key])}

    def get_paginator(self, _operation: str) -> "Objects":
        return self

    def paginate(self, *, Prefix: str, **_: str) -> list[dict[str, Any]]:  # noqa: N803
        latest = dict(self.versions.keys())  # the last one of each key
        found = [
            {"Key": key, "VersionId": id_, "IsLatest": latest[key] == id_, "LastModified": _NOON}
            for key, id_ in self.versions
            if key.startswith(Prefix)
        ]
        return [{"Versions": found}]

    def delete_objects(self, *, Delete: dict[str, Any], **_: str) -> dict[str, Any]:  # noqa: N803
        for each in Delete["Objects"]:
            self.versions.pop((each["Key"], each["VersionId"]), None)
            if all(key != each["Key"] for key, _ in self.versions):
                self.bodies.pop(each["Key"], None)
        return {}


class ImportBucket:
    """Objects by key, each with its versions; and the failed rows of jobs, by batch."""

    def __init__(self, now: Now) -> None:
        self._now = now
        self._lock = RLock()
        self.objects: dict[str, list[bytes]] = {}
        self.modified: dict[str, list[datetime]] = {}
        self.reports: dict[ImportKey, bytes] = {}
        self.previews: dict[tuple[ImportKey, int], list[dict[str, Json]]] = {}
        self.failed: dict[tuple[ImportKey, int], list[FailedRow]] = {}

    def put(self, key: str, body: bytes) -> None:
        """Upload a file, as a user does."""
        self.objects.setdefault(key, []).append(body)
        self.modified.setdefault(key, []).append(self._now())

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

    def versions(self, prefix: str) -> Iterator[Version]:
        for key, bodies in sorted(self.objects.items()):
            for number in range(1, len(bodies) + 1):
                if key.startswith(prefix):
                    yield Version(key, str(number), number == len(bodies))

    def content(self, version: Version) -> Iterator[bytes]:
        yield self.objects[version.key][int(version.id) - 1]

    def delete(self, versions: list[Version]) -> None:
        """Forget the objects; a version of its own cannot be deleted here."""
        for each in versions:
            self.objects.pop(each.key, None)

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
        with self._lock:
            self.failed[key, first] = [
                FailedRow(replace(each.row, problem=None), each.problem) for each in failed
            ]

    def put_preview(self, key: ImportKey, first: int, rows: Iterable[dict[str, Json]]) -> None:
        with self._lock:
            self.previews[key, first] = list(rows)

    def preview(self, key: ImportKey, first: int) -> list[dict[str, Json]]:
        with self._lock:
            return list(self.previews.get((key, first), []))

    def errors(self, key: ImportKey, first: int) -> Iterator[FailedRow]:
        with self._lock:
            return iter(list(self.failed[key, first]))


class ZipBucket:
    """Ranges of the objects of another fake, and the files that archives become."""

    def __init__(self, bucket: ImportBucket) -> None:
        self._bucket = bucket

    def read(self, source: Source, start: int, length: int) -> bytes:
        body = self._bucket.objects[source.key][int(source.version_id) - 1]
        return body[start : start + length]

    def windows(self, source: Source, start: int, length: int) -> Iterator[bytes]:
        return (
            self.read(source, at, min(WINDOW, start + length - at))
            for at in range(start, start + length, WINDOW)
        )

    def put_file(self, key: ZipKey, index: int, pieces: Iterable[bytes]) -> Source:
        name = key.file_key(index)
        self._bucket.put(name, b"".join(pieces))
        return Source("imports", name, str(len(self._bucket.objects[name])))
