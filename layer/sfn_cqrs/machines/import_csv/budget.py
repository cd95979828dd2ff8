"""The budget of one tenant's imports: open jobs, their bytes and their rows.

A job takes its place before it is stored. It counts until a refused request finds that it has
ended. So nothing has to release a place, and a function that dies loses none.
"""

from collections.abc import Collection
from dataclasses import dataclass, field, replace

from sfn_cqrs.kernel.keys import BudgetKey
from sfn_cqrs.kernel.records import Record


@dataclass(frozen=True, slots=True)
class Taken:
    """One job's share, and its start; rows are 0 until its file is read."""

    size: int
    rows: int
    at: str


@dataclass(frozen=True, slots=True)
class Limits:
    """How many jobs of a tenant may be open at a time, and of how many bytes and rows."""

    jobs: int
    size: int
    rows: int

    def exceeded_by(self, jobs: Collection[Taken]) -> str | None:
        """The parameter that says why so much cannot be open at a time; None if it can."""
        if len(jobs) > self.jobs:
            return "TenantOpenImports"
        if sum(each.size for each in jobs) > self.size:
            return "TenantOpenBytes"
        return "TenantOpenRows" if sum(each.rows for each in jobs) > self.rows else None


def budget_key(tenant: str) -> BudgetKey:
    """Where a tenant's open jobs are counted."""
    return BudgetKey(tenant, "IMPORTS")


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportBudget(Record):
    """A tenant's open jobs by their public ids; some of them have ended, which nobody has noted."""

    key: BudgetKey
    jobs: dict[str, Taken] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Take:
    """A job takes its place; refused if there is none."""

    id: str
    size: int
    limits: Limits

    def on(self, budget: ImportBudget, at: str) -> ImportBudget | None:
        if self.id in budget.jobs:
            return budget
        after = budget.jobs | {self.id: Taken(self.size, 0, at)}
        if self.limits.exceeded_by(after.values()):
            return None
        return replace(budget, jobs=after)


@dataclass(frozen=True, slots=True)
class Measure:
    """A job is larger than was known; refused if that is too much. One that took no place may."""

    id: str
    limits: Limits
    size: int = 0
    rows: int = 0

    def on(self, budget: ImportBudget, _at: str) -> ImportBudget | None:
        taken = budget.jobs.get(self.id)
        if taken is None:
            return budget
        larger = replace(taken, size=max(taken.size, self.size), rows=self.rows)
        after = budget.jobs | {self.id: larger}
        if larger != taken and self.limits.exceeded_by(after.values()):
            return None
        return replace(budget, jobs=after)


@dataclass(frozen=True, slots=True)
class Free:
    """These jobs have ended."""

    ids: frozenset[str]

    def on(self, budget: ImportBudget, _at: str) -> ImportBudget | None:
        left = {id_: taken for id_, taken in budget.jobs.items() if id_ not in self.ids}
        return replace(budget, jobs=left) if len(left) < len(budget.jobs) else budget
