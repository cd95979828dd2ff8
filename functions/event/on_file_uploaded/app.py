"""A file was put below uploads/<tenant>/auto/<table>/: it is imported without being asked for.

S3 may tell of it more than once, and EventBridge may deliver that more than once.
"""

from typing import Any

from sfn_cqrs.service.imports.uploads import UploadedFile, import_once
from sfn_cqrs.service.logs import logger
from sfn_cqrs.service.state import naming_transient


@naming_transient()
def lambda_handler(event: dict[str, Any], _context: object) -> dict[str, object]:
    """Start the import of the version that the event tells of, once; a deleted one is passed by."""
    file = UploadedFile.of(event["detail"])
    id_ = import_once(file)
    logger.info("a file was uploaded", key=file.key, import_id=id_)
    return {"id": id_}
