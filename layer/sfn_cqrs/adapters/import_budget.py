"""What tenants' imports take at a time, as items of the import table."""

from sfn_cqrs.adapters.dynamodb import Item
from sfn_cqrs.adapters.item_parts import record_item
from sfn_cqrs.adapters.records import Kind
from sfn_cqrs.domain.import_budget import ImportBudget, Taken, budget_key


def _budget_item(budget: ImportBudget) -> Item:
    return {
        **record_item(budget, "budget"),
        "tenant": budget.key.tenant,
        "jobs": {id_: [each.size, each.rows, each.at] for id_, each in budget.jobs.items()},
    }


def _as_budget(item: Item) -> ImportBudget:
    return ImportBudget(
        key=budget_key(item["tenant"]),
        jobs={id_: Taken(*fields) for id_, fields in item["jobs"].items()},
        updated_at=item["updated_at"],
    )


IMPORT_BUDGETS = Kind(name="import_budgets", item=_budget_item, record=_as_budget)
