"""Deliveries: archives of files, each remembered with what came of it once it is imported."""

from sfn_cqrs.imports import FinishedImport, on_import_finished
from sfn_cqrs.read_models import read_model


@on_import_finished
def remember_delivery(finished: FinishedImport) -> None:
    """Lay out one delivery by its id; the latest of a tenant have the highest ids."""
    counts = finished.counts
    delivery = {
        "status": str(finished.job.status),
        "files": [file.name for file in finished.files],
        "applied": counts.created + counts.updated,
        "failed": counts.failed,
        "version": 1,
    }
    read_model("deliveries").put_if_newer(finished.tenant, "archives", finished.id, delivery)
