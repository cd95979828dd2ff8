"""Makes the table of plans."""

from sfn_cqrs.kernel.parts import Parts, part
from sfn_cqrs.kernel.tables.parts import requests
from sfn_cqrs.machines.schedule.items import PLANS
from sfn_cqrs.machines.schedule.jobs import Rounds
from sfn_cqrs.machines.schedule.table import PlanTable


@part
def job_rounds(_: Parts) -> Rounds:
    """Return when this process looks next at how jobs are declared."""
    return Rounds()


@part
def schedule(parts: Parts) -> PlanTable:
    """Return the plans of items."""
    client, table = parts.client("dynamodb"), parts.variable("COMMANDS_TABLE")
    return PlanTable(client, table, PLANS, requests=requests(parts), now=parts.now)
