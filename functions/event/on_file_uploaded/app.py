"""Import a file that was put below uploads/<tenant>/auto/<table>/.

S3 may report it more than once, and EventBridge may deliver that more than once.
"""

from typing import Any

from sfn_cqrs.kernel.caller import Caller
from sfn_cqrs.kernel.errors import NoSuchFileError
from sfn_cqrs.kernel.functions.logs import logger, naming_request
from sfn_cqrs.kernel.functions.state import naming_transient
from sfn_cqrs.kernel.policy import Client
from sfn_cqrs.machines.import_csv.service import Request
from sfn_cqrs.machines.import_csv.uploaded_file import UploadedFile
from sfn_cqrs.machines.zip_orchestrator.imports import ImportService
from sfn_cqrs.machines.zip_orchestrator.service import ZipImports, ZipRequest

MACHINE = Client(is_machine=True)
"""A sender that AWS allows to put files into the bucket."""


@naming_request
@naming_transient()
def lambda_handler(event: dict[str, Any], _context: object) -> dict[str, object]:
    """Start the import of the event's version, once; skip a deleted one."""
    file = UploadedFile.of(event["detail"])
    try:
        id_ = _imported(file)
    except NoSuchFileError:
        id_ = None
    logger.info("a file was uploaded", key=file.key, import_id=id_)
    return {"id": id_}


def _imported(file: UploadedFile) -> str:
    caller = Caller(user="s3", ip=file.ip, client=MACHINE)
    if file.is_archive:
        archive = ZipRequest(table=file.table, key=file.key)
        return ZipImports(file.tenant).start_version(archive, file.version_id, caller)
    request = Request(table=file.table, key=file.key)
    return ImportService(file.tenant).start_version(request, file.version_id, caller)
