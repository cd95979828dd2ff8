"""All versions of objects in S3: a plain deletion only hides an object of a versioned bucket."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sfn_cqrs.kernel.errors import BusyError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

MOST = 1_000
"""Versions that one call deletes."""


@dataclass(frozen=True, slots=True)
class Version:
    """One version of an object, or the mark of a deletion, which has no content."""

    key: str
    id: str
    is_latest: bool
    has_content: bool = True
    at: datetime | None = None


def versions_of(client: "S3Client", bucket: str, prefix: str, after: str = "") -> Iterator[Version]:
    """Yield the versions of all objects whose keys start so, and come after another."""
    start: Any = {"KeyMarker": after} if after else {}
    pages = client.get_paginator("list_object_versions")
    for page in pages.paginate(Bucket=bucket, Prefix=prefix, **start):
        for one in page.get("Versions", []):
            yield Version(one["Key"], one["VersionId"], one["IsLatest"], at=one["LastModified"])
        for mark in page.get("DeleteMarkers", []):
            yield Version(mark["Key"], mark["VersionId"], mark["IsLatest"], has_content=False)


def delete_versions(client: "S3Client", bucket: str, versions: Sequence[Version]) -> None:
    """Delete versions for good; a missing version is not an error.

    Raises:
        BusyError: S3 has not deleted all of them.
    """
    for start in range(0, len(versions), MOST):
        some = versions[start : start + MOST]
        answer = client.delete_objects(
            Bucket=bucket,
            Delete={"Objects": [{"Key": one.key, "VersionId": one.id} for one in some]},
        )
        if failed := answer.get("Errors"):
            raise BusyError(f"S3 has not deleted {len(failed)} of {len(some)} versions")
