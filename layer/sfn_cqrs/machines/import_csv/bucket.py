"""The bucket of imports: files, their rows as JSON Lines, and the rows that failed.

Writing an object of a job again writes the same content.
"""

import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from sfn_cqrs.kernel.aws.error_codes import error_code, suppressing
from sfn_cqrs.kernel.aws.object_versions import Version, delete_versions, versions_of
from sfn_cqrs.kernel.errors import BusyError, InvalidFileError, InvalidInputError
from sfn_cqrs.kernel.keys import ImportKey
from sfn_cqrs.machines.import_csv.csv.rows import Problem, Row
from sfn_cqrs.machines.import_csv.job import Source
from sfn_cqrs.machines.import_csv.results import FailedRow

if TYPE_CHECKING:
    from botocore.response import StreamingBody
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import CompletedPartTypeDef


CHUNK = 1024 * 1024
FORM_SECONDS = 900
LINK_SECONDS = 300
_MISSING = ("404", "405", "NoSuchKey", "NoSuchVersion", "NotFound", "MethodNotAllowed")
"""405 is S3's answer for a version that is a deletion."""
PART = 8 * 1024 * 1024
"""S3 takes parts of 5 MiB and more, at most 10,000 of them."""


@dataclass(frozen=True, slots=True)
class Head:
    """A version of an object: its size in bytes, and since when it is there."""

    version_id: str
    size: int
    modified: datetime


@dataclass(frozen=True, slots=True)
class Form:
    """Where to send a file: as multipart/form-data, these fields first and `file` last."""

    url: str
    fields: dict[str, str]


class ImportBucket:
    """The objects of jobs."""

    def __init__(
        self, client: "S3Client", bucket: str, signer: "Callable[[], S3Client] | None" = None
    ) -> None:
        """Use one bucket; the signer makes forms and links for others."""
        self._client = client
        self._bucket = bucket
        self._signer = signer or (lambda: client)

    def key_of(self, named: str) -> str:
        """Return the key of an object that is given by its key or as `s3://bucket/key`.

        Raises:
            InvalidInputError: the object is in another bucket.
        """
        if not named.startswith("s3://"):
            return named
        bucket, _, key = named.removeprefix("s3://").partition("/")
        if bucket != self._bucket:
            raise InvalidInputError("key", f"must be in the bucket {self._bucket}")
        return key

    def upload_form(self, key: str, largest: int) -> Form:
        """Return a form that uploads one object up to this size in bytes."""
        free = {"Content-Type": "application/octet-stream"}
        form = self._signer().generate_presigned_post(
            self._bucket,
            key,
            Fields=free,
            Conditions=[
                ["content-length-range", 0, largest],
                ["starts-with", "$Content-Type", ""],
            ],
            ExpiresIn=FORM_SECONDS,
        )
        return Form(form["url"], form["fields"])

    def head(self, key: str, version_id: str | None = None) -> Head | None:
        """Return a version of an object, by default the current one, or None if there is none."""
        version: Any = {"VersionId": version_id} if version_id else {}
        with suppressing(*_MISSING):
            answer = self._client.head_object(Bucket=self._bucket, Key=key, **version)
            return Head(
                answer.get("VersionId", "null"), answer["ContentLength"], answer["LastModified"]
            )
        return None

    def source(self, key: str, version_id: str) -> Source:
        """Return an object of this bucket, pinned to a version."""
        return Source(self._bucket, key, version_id)

    def chunks(self, source: Source) -> Iterator[bytes]:
        """Yield an object's pinned version, a MiB at a time.

        Raises:
            InvalidFileError: it was deleted.
        """
        return self._opened(source).iter_chunks(CHUNK)

    def lines(self, source: Source) -> Iterator[bytes]:
        """Yield an object's pinned version, a line at a time.

        Raises:
            InvalidFileError: it was deleted.
        """
        return self._opened(source).iter_lines()

    def _opened(self, source: Source) -> "StreamingBody":
        with suppressing("NoSuchKey", "NoSuchVersion"):
            return self._client.get_object(
                Bucket=source.bucket, Key=source.key, VersionId=source.version_id
            )["Body"]
        raise InvalidFileError("gone", "the file was deleted; upload it again")

    def versions(self, prefix: str) -> Iterator[Version]:
        """Yield all versions of the objects whose keys start so."""
        return versions_of(self._client, self._bucket, prefix)

    def content(self, version: Version) -> Iterator[bytes]:
        """Yield the content of one version, a MiB at a time; nothing if it is gone."""
        with suppressing("NoSuchKey", "NoSuchVersion"):
            answer = self._client.get_object(
                Bucket=self._bucket, Key=version.key, VersionId=version.id
            )
            yield from answer["Body"].iter_chunks(CHUNK)

    def delete(self, versions: list[Version]) -> None:
        """Delete versions for good."""
        delete_versions(self._client, self._bucket, versions)

    def put_rows(self, key: ImportKey, lines: Iterable[str]) -> Source:
        """Write the rows of a job as JSON Lines, a part at a time."""
        name = f"jobs/{key.tenant}/{key.id}/rows.jsonl"
        return self._upload(name, "application/jsonl", (f"{line}\n".encode() for line in lines))

    def put_report(self, key: ImportKey, lines: Iterable[str]) -> None:
        """Keep a job's errors.csv, of lines with their ends, a part at a time."""
        self._upload(report_key(key), "text/csv; charset=utf-8", map(str.encode, lines))

    def _upload(self, name: str, content_type: str, pieces: Iterable[bytes]) -> Source:
        upload = self._client.create_multipart_upload(
            Bucket=self._bucket, Key=name, ContentType=content_type
        )["UploadId"]
        where: dict[str, Any] = {"Bucket": self._bucket, "Key": name, "UploadId": upload}
        try:
            parts: list[CompletedPartTypeDef] = []
            for number, body in enumerate(_parts(pieces), 1):
                part = self._client.upload_part(**where, PartNumber=number, Body=body)
                parts.append({"PartNumber": number, "ETag": part["ETag"]})
            done = self._client.complete_multipart_upload(**where, MultipartUpload={"Parts": parts})
        except Exception as error:
            if isinstance(error, ClientError) and error_code(error) == "NoSuchUpload":
                raise BusyError(f"S3 has ended the upload of {name} and not answered") from error
            self._give_up(where)
            raise
        return Source(self._bucket, name, done.get("VersionId", "null"))

    def _give_up(self, where: dict[str, Any]) -> None:
        """Abort an upload; if that fails, the bucket's rule aborts it after a day."""
        with suppress(BotoCoreError, ClientError):
            self._client.abort_multipart_upload(**where)

    def report(self, key: ImportKey) -> Iterator[bytes] | None:
        """Return a job's errors.csv, a MiB at a time, or None if there is none."""
        with suppressing("NoSuchKey"):
            answer = self._client.get_object(Bucket=self._bucket, Key=report_key(key))
            return answer["Body"].iter_chunks(CHUNK)
        return None

    def report_size(self, key: ImportKey) -> int | None:
        """Return the size of a job's errors.csv in bytes, or None if there is none."""
        head = self.head(report_key(key))
        return head.size if head else None

    def report_link(self, key: ImportKey) -> str:
        """Return a link to a job's errors.csv that works for anyone, for five minutes."""
        return self._signer().generate_presigned_url(
            "get_object",
            Params={
                "Bucket": self._bucket,
                "Key": report_key(key),
                "ResponseContentDisposition": f'attachment; filename="{key.id}-errors.csv"',
            },
            ExpiresIn=LINK_SECONDS,
        )

    def put_errors(self, key: ImportKey, first: int, failed: Iterable[FailedRow]) -> None:
        """Keep the failed rows of a batch as JSON Lines."""
        lines = (
            {
                "row": each.row.number,
                "cells": each.row.cells,
                "code": each.problem.code,
                "reason": each.problem.reason,
            }
            for each in failed
        )
        self._put_lines(_errors_key(key, first), lines)

    def put_preview(self, key: ImportKey, first: int, rows: Iterable[dict[str, Any]]) -> None:
        """Store what a dry run found about a batch's rows as JSON Lines."""
        self._put_lines(_preview_key(key, first), rows)

    def _put_lines(self, name: str, values: Iterable[dict[str, Any]]) -> None:
        body = "".join(f"{json.dumps(value, ensure_ascii=False)}\n" for value in values)
        self._client.put_object(
            Bucket=self._bucket, Key=name, Body=body.encode(), ContentType="application/jsonl"
        )

    def preview(self, key: ImportKey, first: int) -> list[dict[str, Any]]:
        """Return what a dry run found about a batch's rows; empty if nothing was kept."""
        with suppressing("NoSuchKey"):
            answer = self._client.get_object(Bucket=self._bucket, Key=_preview_key(key, first))
            return [json.loads(line) for line in answer["Body"].iter_lines()]
        return []

    def errors(self, key: ImportKey, first: int) -> Iterator[FailedRow]:
        """Yield the failed rows of a batch."""
        answer = self._client.get_object(Bucket=self._bucket, Key=_errors_key(key, first))
        for line in answer["Body"].iter_lines():
            fields = json.loads(line)
            yield FailedRow(
                Row(fields["row"], fields["cells"]), Problem(fields["code"], fields["reason"])
            )


def results_prefix(key: ImportKey) -> str:
    """Return the prefix under which the Map of a job's machine stores its children's results."""
    return f"jobs/{key.tenant}/{key.id}/results"


def report_key(key: ImportKey) -> str:
    """Return the key of a job's errors.csv."""
    return f"jobs/{key.tenant}/{key.id}/errors.csv"


def _parts(pieces: Iterable[bytes]) -> Iterator[bytes]:
    buffer = bytearray()
    for piece in pieces:
        buffer += piece
        if len(buffer) >= PART:
            yield bytes(buffer)
            buffer.clear()
    yield bytes(buffer)


def _errors_key(key: ImportKey, first: int) -> str:
    return f"jobs/{key.tenant}/{key.id}/errors/{first:09d}.jsonl"


def _preview_key(key: ImportKey, first: int) -> str:
    return f"jobs/{key.tenant}/{key.id}/preview/{first:09d}.jsonl"
