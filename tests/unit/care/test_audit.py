from datetime import UTC, datetime

import pytest

from sfn_cqrs.care.audit import rules as audit
from sfn_cqrs.machines.command.process import Outcome
from sfn_cqrs.machines.import_csv.job import NO_SOURCE, Ending, JobStatus, Loaded, Reader
from sfn_cqrs.machines.import_csv.results import Counts
from sfn_cqrs_tools.testing.builders import NRT, a_command, a_job, a_process

NOW = datetime(2026, 12, 2, tzinfo=UTC)


def item(shown, *outcomes):
    """Narita, whose row shows a version; None is a version without a process."""
    commands = {n: a_command(version=n) for n, _ in enumerate(outcomes, start=1)}
    processes = {
        n: a_process(version=n, outcome=Outcome(outcome))
        for n, outcome in enumerate(outcomes, start=1)
        if outcome is not None
    }
    row = commands[shown].as_row()
    return audit.Item(key=NRT, at=NOW, row=row, commands=commands, processes=processes)


@pytest.mark.parametrize(
    "outcomes", [("APPLIED", "SKIPPED"), ("APPLIED", "SKIPPED", "SKIPPED")], ids=str
)
def test_a_skipped_version_that_is_in_the_row_is_named(outcomes):
    (said,) = audit._skipped_shown(item(2, *outcomes))

    assert said == "version 2 is SKIPPED; its content is in the row, not in the read models"


@pytest.mark.parametrize(
    ("shown", "outcomes"),
    [
        (1, ("APPLIED", "SKIPPED")),
        (2, ("APPLIED", "FAILED")),
        (2, ("APPLIED", "SKIPPED", "OPEN")),
        (2, ("APPLIED", "SKIPPED", "BLOCKED")),
        (2, ("APPLIED", "SKIPPED", None)),
    ],
)
def test_a_row_that_was_applied_or_will_be_replaced_is_not(shown, outcomes):
    assert list(audit._skipped_shown(item(shown, *outcomes))) == []


@pytest.mark.parametrize(
    ("created", "cancelled", "is_sound"), [(2, 1, True), (2, 0, False), (3, 1, False)]
)
def test_an_import_ends_with_as_many_rows_as_its_file_has(created, cancelled, is_sound):
    counts = Counts(created=created)
    ending = Ending(JobStatus.COMPLETED, counts, cancelled)
    job = a_job(loaded=Loaded(3, (), (), Reader.NONE, NO_SOURCE), ending=ending)

    said = list(audit._ending_differs(audit.ImportFacts(job=job, at=NOW, counted=counts)))

    ended = f"it ended with {created + cancelled} of 3 rows"
    assert said == ([] if is_sound else [ended])
