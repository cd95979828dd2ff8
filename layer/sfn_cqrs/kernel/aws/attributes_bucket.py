"""Attributes too large for an item: kept in S3, with a pointer in the item."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any, Final

from sfn_cqrs.kernel.aws.error_codes import suppressing
from sfn_cqrs.kernel.aws.object_versions import Version, delete_versions, versions_of
from sfn_cqrs.kernel.keys import ItemKey
from sfn_cqrs.kernel.tables.dynamodb import Item
from sfn_cqrs.kernel.values import Json, canonical

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

MAX_INLINE_BYTES = 4 * 1024
"""Above this size in bytes, one object costs less than copies: `tests/bench/attributes.py`."""
_MISSING = ("NoSuchKey", "AccessDenied")
"""S3 answers the second for a missing object if the caller may not list the bucket."""
COMMANDS, TASKS, ERASURES = "attributes", "tasks", "erasures"
"""Folders of the bucket; objects in the tasks folder expire after 30 days."""


UNNAMED: Final = "unnamed-since"
_MOST_METADATA: Final = 1_800
"""Bytes that S3 surely keeps beside an object; it takes 2 KB with the names."""


@dataclass(frozen=True, slots=True)
class Whose:
    """The version of an item that an object has the attributes of."""

    key: ItemKey
    version: int

    def as_metadata(self) -> dict[str, str]:
        """Return it as S3 keeps it beside the object, in ASCII; empty if it is too long."""
        said = json.dumps([self.key.tenant, self.key.type, self.key.code, self.version])
        return {"version": said} if len(said) <= _MOST_METADATA else {}

    @classmethod
    def of_metadata(cls, found: dict[str, str]) -> "Whose | None":
        """Read it, if it is there."""
        if "version" not in found:
            return None
        *key, version = json.loads(found["version"])
        return cls(ItemKey(*key), version)


class AttributesBucket:
    """Objects that are written once and never changed, so that many items may point to one."""

    def __init__(self, client: "Callable[[], S3Client]", bucket: str) -> None:
        """Use one bucket; the client is made at the first object."""
        self._client = client
        self._bucket = bucket

    def store_if_large(
        self,
        tenant: str,
        id_: str,
        attributes: dict[str, Json],
        *,
        folder: str = COMMANDS,
        whose: "Whose | None" = None,
    ) -> str | None:
        """Store attributes above 4 KiB; return their object's key, or None to keep them inline."""
        if len(canonical(attributes).encode()) <= MAX_INLINE_BYTES:
            return None
        return self.store(tenant, id_, attributes, folder=folder, whose=whose)

    def store(
        self,
        tenant: str,
        id_: str,
        attributes: dict[str, Json],
        *,
        folder: str,
        whose: "Whose | None" = None,
    ) -> str:
        """Store an object of any size, and return its key; `whose` names the version it is of."""
        key = f"{folder}/{tenant}/{id_}.json"
        self._put(key, attributes, {} if whose is None else whose.as_metadata())
        return key

    def objects(self, after: str) -> Iterator[list[Version]]:
        """Yield the versions of each object with attributes of items whose key comes after one."""
        found = versions_of(self._client(), self._bucket, f"{COMMANDS}/", after)
        for key, versions in groupby(found, lambda version: version.key):
            if key > after:  # a list may begin with its marker
                yield list(versions)

    def whose(self, key: str) -> "Whose | None":
        """Return the version that an object is of, or None if it does not say so."""
        with suppressing(*_MISSING):
            found = self._client().head_object(Bucket=self._bucket, Key=key)["Metadata"]
            return Whose.of_metadata(found)
        return None

    def unnamed_since(self, key: str) -> str:
        """Return since when nothing names an object, as noted; empty if nothing is noted."""
        found = self._client().get_object_tagging(Bucket=self._bucket, Key=key)["TagSet"]
        return next((one["Value"] for one in found if one["Key"] == UNNAMED), "")

    def note_unnamed(self, key: str, since: str) -> None:
        """Note since when nothing names an object."""
        tags: Any = {"TagSet": [{"Key": UNNAMED, "Value": since}]}
        self._client().put_object_tagging(Bucket=self._bucket, Key=key, Tagging=tags)

    def note_named(self, key: str) -> None:
        """Note that something names an object again."""
        self._client().delete_object_tagging(Bucket=self._bucket, Key=key)

    def delete(self, versions: list[Version]) -> None:
        """Delete these versions of an object for good."""
        delete_versions(self._client(), self._bucket, versions)

    def _put(
        self, key: str, attributes: dict[str, Json], metadata: dict[str, str] | None = None
    ) -> None:
        self._client().put_object(
            Bucket=self._bucket,
            Key=key,
            Body=canonical(attributes).encode(),
            ContentType="application/json",
            Metadata=metadata or {},
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
