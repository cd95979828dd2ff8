from collections.abc import Iterable, Iterator

from sfn_cqrs.adapters.zip_bucket import WINDOW
from sfn_cqrs.domain.import_job import Source
from sfn_cqrs.domain.keys import ZipKey
from sfn_cqrs_tools.testing.fakes.imports import ImportBucket


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
