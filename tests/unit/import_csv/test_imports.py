from dataclasses import replace

import pytest

from sfn_cqrs.kernel.command import Audit
from sfn_cqrs.kernel.keys import ImportKey
from sfn_cqrs.machines.import_csv.job import NO_SOURCE, Job
from sfn_cqrs_tools.testing.builders import a_command

JOB = Job(
    key=ImportKey("tenant1", "01JDHZ0000000000000000000A"),
    table="airports",
    source=NO_SOURCE,
    by=Audit("2026-11-25T12:00:00.000Z"),
)


@pytest.mark.parametrize(
    ("written_at", "may_hide"),
    [
        ("2026-11-25T11:58:59.000Z", False),
        ("2026-11-25T11:59:30.000Z", True),  # the clocks of two functions differ by so much
        ("2026-11-25T12:00:30.000Z", True),
    ],
)
def test_a_version_that_may_be_younger_than_the_job_may_hide_one_of_its_own(written_at, may_hide):
    version = replace(a_command(), updated=Audit(written_at))

    assert JOB.may_hide_ours(version) is may_hide
