import pytest

from sfn_cqrs.kernel.command import Audit
from sfn_cqrs.kernel.keys import ZipRef
from sfn_cqrs.machines.command import handlers
from sfn_cqrs.machines.zip_orchestrator import hooks as zip_hooks
from sfn_cqrs.machines.zip_orchestrator.job import ZipJob

UPLOAD = "uploads/tenant1/1/a.zip"
NOON = "2026-11-25T12:00:00.000Z"


@pytest.fixture
def key(sample):
    return ZipRef.from_input(sample("zip_orchestrator/start_execution")).key


@pytest.fixture
def upload(world, key):
    """Return a way to upload an archive and store the job of the sample events for it."""

    def uploaded(data, **fields):
        world.import_bucket.put(UPLOAD, data)
        head = world.import_bucket.head(UPLOAD)
        job = ZipJob(
            key=key,
            source=world.import_bucket.source(UPLOAD, head.version_id),
            size=head.size,
            by=Audit(NOON, "taro"),
            opened_at=NOON,
            **{"table": "airports", **fields},
        )
        assert world.zip_jobs.create(job)
        return job

    return uploaded


@pytest.fixture(autouse=True)
def hooks(monkeypatch):
    """The finalization hooks, by their names: none."""
    handlers.load()
    registered = {}
    monkeypatch.setattr(zip_hooks, "_hooks", registered)
    return registered
