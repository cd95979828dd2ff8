from sfn_cqrs.domain.command import Audit
from sfn_cqrs.domain.import_job import Ending, JobStatus, Source
from sfn_cqrs.domain.imports import Counts
from sfn_cqrs.domain.keys import ZipKey
from sfn_cqrs.domain.zip_directory import Place
from sfn_cqrs.domain.zip_job import ArchivedFile, ZipJob
from sfn_cqrs.service.zips.hooks import FinishedImport
from shop.deliveries import remember_delivery

KEY = ZipKey("tenant1", "01KAXK3V9Q0M3W8C5R6T7Y8Z9A")
PLACE = Place(0, 100, 8, 10, 20, 0)
JOB = ZipJob(
    key=KEY,
    source=Source("imports", "uploads/tenant1/1/a.zip", "v1"),
    size=100,
    by=Audit(""),
    status=JobStatus.FAILED,
    ending=Ending(JobStatus.FAILED, Counts(created=3, updated=2, unchanged=7, failed=1)),
)
FINISHED = FinishedImport(JOB, (ArchivedFile(index=0, name="a.csv", place=PLACE),))


def test_a_delivery_is_remembered_once_with_what_came_of_it(world):
    remember_delivery(FINISHED)
    remember_delivery(FINISHED)

    assert world.read_model("deliveries").rows("tenant1", "archives") == [
        {
            "sort": KEY.id,
            "status": "FAILED",
            "files": ["a.csv"],
            "applied": 5,
            "failed": 1,
            "version": 1,
        }
    ]
