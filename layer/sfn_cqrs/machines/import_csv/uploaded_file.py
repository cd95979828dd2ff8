"""Files that are imported because they were put into a certain place."""

import re
from dataclasses import dataclass
from typing import Any

from sfn_cqrs.kernel.errors import InvalidInputError

_PLACE = re.compile(r"uploads/([^/]+)/auto/([^/]+)/.*[^/]")


@dataclass(frozen=True, slots=True)
class UploadedFile:
    """A version of an object, as S3 reports it; its key names the tenant and the table."""

    tenant: str
    table: str
    key: str
    version_id: str | None
    ip: str

    @property
    def is_archive(self) -> bool:
        """Its name says that it is a ZIP archive."""
        return self.key.lower().endswith(".zip")

    @classmethod
    def of(cls, detail: dict[str, Any]) -> "UploadedFile":
        """Read the detail of an `Object Created` event.

        Raises:
            InvalidInputError: the object lies elsewhere.
        """
        found = detail["object"]
        place = _PLACE.fullmatch(found["key"])
        if place is None:
            raise InvalidInputError("key", "must be uploads/<tenant>/auto/<table>/<file>")
        ip = detail.get("source-ip-address", "")
        return cls(place[1], place[2], found["key"], found.get("version-id"), ip)
