"""How versions stand: an execution that succeeded may have left its version BLOCKED."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sfn_cqrs.kernel.clock import Retention
from sfn_cqrs.kernel.keys import ItemKey
from sfn_cqrs.machines.command.process import Outcome, Process
from sfn_cqrs.machines.command.process_table import ProcessTable
from sfn_cqrs_tools.client.runs import FAILURES, Run
from sfn_cqrs_tools.console.application import Ask
from sfn_cqrs_tools.console.backend import Backend
from sfn_cqrs_tools.console.subjects import Subject, subject_of


@dataclass(frozen=True)
class Standing:
    """What a list says of an item or an execution; `note` says which version or attempt it is."""

    status: str
    note: str = ""


@dataclass(frozen=True)
class Seen:
    """An execution in a list: what it works on, and how that stands now."""

    run: Run
    subject: Subject | None
    standing: Standing


def version_table(backend: Backend) -> ProcessTable:
    """Return the table of the stack's versions."""
    client, table = backend.client("dynamodb"), backend.outputs["CommandsTableName"]
    return ProcessTable(client, table, lambda: datetime.now(UTC), Retention())


def seen(ask: Ask, runs: Sequence[Run]) -> list[Seen]:
    """Return executions with their subjects, and how these stand; it reads all versions at once."""
    subjects = [subject_of(run.input) for run in runs]
    places = {
        (ref.key.pk, ref.key.process_sk(ref.version))
        for one in subjects
        if one is not None and (ref := one.version) is not None
    }
    read = version_table(ask.backend).read_again({"pk": pk, "sk": sk} for pk, sk in sorted(places))
    known = {(one.key, one.version): one for one in read}
    return [
        Seen(run, subject, _of_run(run, subject, known))
        for run, subject in zip(runs, subjects, strict=True)
    ]


def of_items(ask: Ask, rows: Iterable[Mapping[str, Any]]) -> dict[str, Standing]:
    """Return how the items of data rows of one type stand, by code.

    The row is that of the latest version that was applied. The version after it tells whether the
    item goes on; of what was skipped, the one after that.
    """
    tenant = ask.who.tenant
    left = {ItemKey(tenant, row["type"], row["code"]): int(row["version"]) for row in rows}
    found = {key: Standing(str(Outcome.APPLIED)) for key in left}
    while left:
        wanted = [(key, version + 1) for key, version in left.items()]
        after = version_table(ask.backend).find_many(wanted)
        left = {}
        for key, one in after.items():
            if one.outcome is Outcome.SKIPPED:
                left[key] = one.version
            elif one.outcome is not Outcome.APPLIED:
                found[key] = Standing(str(one.outcome), f"v{one.version}")
    return {key.code: standing for key, standing in found.items()}


def _of_run(
    run: Run, subject: Subject | None, known: Mapping[tuple[ItemKey, int], Process]
) -> Standing:
    ref = subject.version if subject else None
    found = known.get((ref.key, ref.version)) if ref else None
    if ref is None or found is None or (run.stopped is None and run.logged is None):
        return Standing(run.status)
    if found.attempt > ref.attempt:
        return Standing(run.status, f"attempt {ref.attempt} of {found.attempt}")
    if run.status in FAILURES:
        is_still = found.outcome is Outcome.FAILED
        return Standing(run.status, "" if is_still else f"now {found.outcome}")
    return Standing(str(found.outcome))
