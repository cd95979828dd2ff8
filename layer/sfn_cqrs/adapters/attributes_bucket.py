"""Attributes too large for an item: kept in S3, with a pointer in the item."""

import json
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from sfn_cqrs.adapters.dynamodb import Item
from sfn_cqrs.adapters.error_codes import suppressing
from sfn_cqrs.adapters.object_versions import delete_versions, versions_of
from sfn_cqrs.domain.values import Json, canonical

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

MAX_INLINE_BYTES = 4 * 1024
"""Above this size, one object costs less than writes of copies in items: `bench/attributes.py`."""
_MISSING = ("NoSuchKey", "AccessDenied")
"""S3 answers the second for a missing object if the caller may not list the bucket."""
COMMANDS, TASKS, ERASURES = "attributes", "tasks", "erasures"
"""Folders of the bucket; objects in the tasks folder expire after 30 days."""


class AttributesBucket:
    """Objects that are written once and never changed, so that many items may point to one."""

    def __init__(self, client: "Callable[[], S3Client]", bucket: str) -> None:
        """Use one bucket; the client is made at the first object."""
        self._client = client
        self._bucket = bucket

    def store_if_large(
        self, tenant: str, id_: str, attributes: dict[str, Json], *, folder: str = COMMANDS
    ) -> str | None:
        """Store attributes above 4 KiB; return their object's key, or None to keep them inline."""
        if len(canonical(attributes).encode()) <= MAX_INLINE_BYTES:
            return None
        return self.store(tenant, id_, attributes, folder=folder)

    def store(self, tenant: str, id_: str, attributes: dict[str, Json], *, folder: str) -> str:
        """Store an object of any size, and return its key."""
        key = f"{folder}/{tenant}/{id_}.json"
        self._put(key, attributes)
        return key

    def _put(self, key: str, attributes: dict[str, Json]) -> None:
        self._client().put_object(
            Bucket=self._bucket,
            Key=key,
            Body=canonical(attributes).encode(),
            ContentType="application/json",
        )

    def replace(self, key: str, attributes: dict[str, Json]) -> None:
        """Replace an object's content, and delete its earlier versions."""
        self._put(key, attributes)
        versions = list(versions_of(self._client(), self._bucket, key))
        delete_versions(
            self._client(),
            self._bucket,
            [each for each in versions if each.key == key and not each.is_latest],
        )

    def purge(self, prefix: str, *, folder: str = COMMANDS) -> int:
        """Delete all versions of the objects whose keys start so; return how many they were."""
        versions = list(versions_of(self._client(), self._bucket, f"{folder}/{prefix}"))
        delete_versions(self._client(), self._bucket, versions)
        return len(versions)

    def names(self, prefix: str) -> Iterator[str]:
        """Yield the keys of the objects that start so."""
        for each in versions_of(self._client(), self._bucket, prefix):
            if each.is_latest:
                yield each.key

    def find(self, tenant: str, id_: str, *, folder: str) -> dict[str, Json] | None:
        """Return an object's content, or None if there is no such object."""
        return self.found(f"{folder}/{tenant}/{id_}.json")

    def whole(self, item: Item) -> Item:
        """Return an item with its attributes, which may be in S3."""
        pointer = item.get("attributes_s3")
        return item | {"attributes": self.load(pointer)} if pointer else item

    def of_item(self, item: Item) -> dict[str, Json] | None:
        """Return the attributes of an item, from S3 if they are there, or None if they are lost."""
        pointer = item.get("attributes_s3")
        return item.get("attributes") or {} if pointer is None else self.found(pointer)

    def found(self, key: str) -> dict[str, Json] | None:
        """Return stored attributes, or None if they are lost."""
        with suppressing(*_MISSING):
            return self.load(key)
        return None

    def load(self, key: str) -> dict[str, Json]:
        """Return stored attributes."""
        body = self._client().get_object(Bucket=self._bucket, Key=key)["Body"].read()
        attributes: dict[str, Json] = json.loads(body)
        return attributes
