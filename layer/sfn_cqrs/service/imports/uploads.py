"""Files that are imported because they were put into a certain place."""

import re
from dataclasses import dataclass
from typing import Any

from sfn_cqrs.domain.errors import InvalidInputError, NoSuchFileError
from sfn_cqrs.service.commands.service import Caller
from sfn_cqrs.service.imports.service import ImportService, Request
from sfn_cqrs.service.zips.service import ZipImports, ZipRequest

_PLACE = re.compile(r"uploads/([^/]+)/auto/([^/]+)/.*[^/]")


@dataclass(frozen=True, slots=True)
class UploadedFile:
    """A version of an object as S3 tells of it; the place says whose it is and for which table."""

    tenant: str
    table: str
    key: str
    version_id: str | None
    ip: str

    @classmethod
    def of(cls, detail: dict[str, Any]) -> "UploadedFile":
        """Read the detail of an `Object Created` event.

        Raises:
            InvalidInputError: the object lies elsewhere.
        """
        told = detail["object"]
        place = _PLACE.fullmatch(told["key"])
        if place is None:
            raise InvalidInputError("key", "must be uploads/<tenant>/auto/<table>/<file>")
        ip = detail.get("source-ip-address", "")
        return cls(place[1], place[2], told["key"], told.get("version-id"), ip)


def import_once(file: UploadedFile) -> str | None:
    """Start the import of a file, however often it is told of; None if it has been deleted since.

    Raises:
        InvalidInputError: there is no such table, or no tenant can be called so.
    """
    table, key, caller = file.table, file.key, Caller(user="s3", ip=file.ip)
    try:
        if key.lower().endswith(".zip"):
            archive = ZipRequest(table=table, key=key)
            return ZipImports(file.tenant).start_version(archive, file.version_id, caller)
        request = Request(table=table, key=key)
        return ImportService(file.tenant).start_version(request, file.version_id, caller)
    except NoSuchFileError:
        return None
