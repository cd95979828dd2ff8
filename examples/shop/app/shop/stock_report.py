"""What is in stock, reported each night."""

from dataclasses import dataclass

from sfn_cqrs.commands import CommandService, Run, job
from sfn_cqrs.types import command_type, group

REPORTED = ("BOOK", "LAMP")
"""The products that somebody orders anew if there are few."""
FEW = 3


@dataclass(frozen=True)
class StockReport:
    """How many pieces there are of each product, and of which there are few."""

    available: dict[str, int]
    few: list[str]


command_type("STOCK_REPORT", model=StockReport)


@job(
    "REPORT_STOCK",
    cron="0 2 * * *",
    zone="Europe/Berlin",
    tenants=["tenant1"],
    publish=group("operator"),
)
def report_stock(run: Run) -> None:
    """Publish a report of the day; a run that is tried again publishes it once."""
    stock = {sku: CommandService(run.tenant).latest("STOCK", sku) for sku in REPORTED}
    available = {sku: found.model.available if found else 0 for sku, found in stock.items()}
    few = [sku for sku, number in available.items() if number < FEW]
    run.publish(
        "STOCK_REPORT",
        str(run.day),
        name=f"stock of {run.day}",
        attributes={"available": {**available}, "few": [*few]},
    )
