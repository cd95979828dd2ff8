"""The bucket of imports for ZIP archives: ranges of an archive, and its files."""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from sfn_cqrs.kernel.keys import ZipKey
from sfn_cqrs.machines.import_csv.bucket import CHUNK, ImportBucket
from sfn_cqrs.machines.import_csv.job import Source

if TYPE_CHECKING:
    from botocore.response import StreamingBody

WINDOW = 8 * 1024 * 1024
"""Bytes that one request reads; it ends before the upload of its content begins."""


class ZipBucket(ImportBucket):
    """Archives and their files."""

    def read(self, source: Source, start: int, length: int) -> bytes:
        """Return bytes of an object's pinned version; fewer if the object ends earlier."""
        if length <= 0:
            return b""
        answer = self._client.get_object(
            Bucket=source.bucket,
            Key=source.key,
            VersionId=source.version_id,
            Range=f"bytes={start}-{start + length - 1}",
        )
        body = answer["Body"]
        try:
            if "ContentRange" not in answer:  # a store may send all of it: RFC 9110, 14.2
                _skip(body, start)
            return body.read(length)
        finally:
            body.close()

    def windows(self, source: Source, start: int, length: int) -> Iterator[bytes]:
        """Yield the bytes of an object's pinned version, 8 MiB at a time."""
        for at in range(start, start + length, WINDOW):
            yield self.read(source, at, min(WINDOW, start + length - at))

    def put_file(self, key: ZipKey, index: int, pieces: Iterable[bytes]) -> Source:
        """Store a file of an archive, a part at a time; its name does not matter."""
        return self._upload(key.file_key(index), "text/csv", pieces)


def _skip(body: "StreamingBody", count: int) -> None:
    while count > 0 and (piece := body.read(min(CHUNK, count))):
        count -= len(piece)
