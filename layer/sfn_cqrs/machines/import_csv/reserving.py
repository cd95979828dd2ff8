"""The import budgets: a client's import reserves its share first, so no tenant takes all."""

from datetime import timedelta

from sfn_cqrs import bootstrap
from sfn_cqrs.kernel.clock import iso
from sfn_cqrs.kernel.errors import FileTooLargeError, InvalidFileError, TooManyImportsError
from sfn_cqrs.kernel.keys import BudgetKey, ImportKey, ZipKey
from sfn_cqrs.kernel.policy import Client
from sfn_cqrs.kernel.records import Write
from sfn_cqrs.machines.import_csv.budget import Free, ImportBudget, Measure, Take, Taken, budget_key
from sfn_cqrs.machines.import_csv.job import ImportRecord, Job

PATIENCE = timedelta(minutes=15)
"""After so long, a reservation without a job is dead: no request lasts so long."""


def take_place(key: ImportKey | ZipKey, size: int, client: Client | None) -> None:
    """Reserve a job's place before it is stored; code's jobs need none.

    Raises:
        FileTooLargeError: this one file exceeds the tenant's limit.
        TooManyImportsError: the file and the open imports exceed it.
    """
    if client is None:
        return
    limits = bootstrap.import_limits()
    if size > limits.size:
        raise FileTooLargeError(limits.size)
    refused = _spend(budget_key(key.tenant), Take(key.id, size, limits))
    if refused is not None:
        after = [*refused.jobs.values(), Taken(size, 0, "")]
        raise TooManyImportsError(limits.exceeded_by(after) or "TenantOpenImports")


def measure_rows(job: Job, rows: int) -> None:
    """Count the rows of a job whose file is read. An archive counts those of the file at work.

    Raises:
        InvalidFileError: together with the open imports, they exceed the tenant's limit.
    """
    id_ = job.parent.id if job.parent else job.key.id
    _measure(job.key.tenant, job.client, id_, rows=rows)


def measure_archive(job: ImportRecord, size: int) -> None:
    """Count the bytes of an archive's files as they are extracted.

    Raises:
        InvalidFileError: together with the open imports, they exceed the tenant's limit.
    """
    _measure(job.key.tenant, job.client, job.key.id, size=size)


def _measure(tenant: str, client: Client | None, id_: str, *, size: int = 0, rows: int = 0) -> None:
    if client is None:
        return
    limits = bootstrap.import_limits()
    if _spend(budget_key(tenant), Measure(id_, limits, size, rows)) is None:
        return
    raise InvalidFileError(
        "too_many_imports",
        f"the tenant's open imports may have {limits.rows} rows and {limits.size} bytes at a time,"
        " and with this one they have more: retry it when others have ended, or split it",
    )


def _spend(key: BudgetKey, write: Write[ImportBudget]) -> ImportBudget | None:
    """Return the budget that refuses the write after ended jobs are freed, or None."""
    budgets = bootstrap.import_budgets()
    written = budgets.change(key, write)
    if written.record is None and isinstance(write, Take):
        budgets.create(ImportBudget(key=key))
        written = budgets.change(key, write)
    if written.done or written.record is None:
        return None
    freed = budgets.change(key, Free(_ended(written.record)), written.record).record
    written = budgets.change(key, write, freed)
    return None if written.done else written.record


def _ended(budget: ImportBudget) -> frozenset[str]:
    """Return the jobs that have ended, or that were never stored."""
    late = iso(bootstrap.now() - PATIENCE)
    tenant = budget.key.tenant
    return frozenset(
        id_ for id_, taken in budget.jobs.items() if _has_ended(tenant, id_, taken, late)
    )


def _has_ended(tenant: str, id_: str, taken: Taken, late: str) -> bool:
    job = bootstrap.every_import().find(tenant, id_)
    return taken.at < late if job is None else not job.status.is_open
