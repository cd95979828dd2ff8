"""Attributes too large for an item: kept in S3, with a pointer in the item."""

import json
from collections.abc import Callable
from typing import TYPE_CHECKING

from sfn_cqrs.domain.values import Json, canonical

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

MAX_INLINE_BYTES = 100 * 1024
COMMANDS, TASKS = "attributes", "tasks"
"""Folders of the bucket; what lies in that of tasks expires after 30 days."""


class AttributesBucket:
    """Objects that are written once and never changed, so that many items may point to one."""

    def __init__(self, client: "Callable[[], S3Client]", bucket: str) -> None:
        """Speak to one bucket; the client is asked for when an object is met."""
        self._client = client
        self._bucket = bucket

    def store_if_large(
        self, tenant: str, id_: str, attributes: dict[str, Json], *, folder: str = COMMANDS
    ) -> str | None:
        """Store attributes above 100 KiB and answer their object's key; None keeps them inline."""
        body = canonical(attributes).encode()
        if len(body) <= MAX_INLINE_BYTES:
            return None
        key = f"{folder}/{tenant}/{id_}.json"
        self._client().put_object(
            Bucket=self._bucket, Key=key, Body=body, ContentType="application/json"
        )
        return key

    def load(self, key: str) -> dict[str, Json]:
        """Read attributes back."""
        body = self._client().get_object(Bucket=self._bucket, Key=key)["Body"].read()
        attributes: dict[str, Json] = json.loads(body)
        return attributes
