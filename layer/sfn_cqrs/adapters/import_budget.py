"""The budgets of tenants' imports that are in use, as items of the import table."""

from typing import Final

from sfn_cqrs.adapters.codec import BUDGET_KEY, Codec, as_list
from sfn_cqrs.adapters.records import Kind
from sfn_cqrs.domain.import_budget import ImportBudget, Taken

_BUDGET: Final = Codec(
    ImportBudget, kind="budget", inside={"key": BUDGET_KEY}, parts={Taken: as_list(Taken)}
)

IMPORT_BUDGETS = Kind(_BUDGET)
