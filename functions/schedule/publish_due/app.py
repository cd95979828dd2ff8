"""publish_due: every minute, publish the plans that are due, as those who made them."""

from typing import Any

from sfn_cqrs import bootstrap
from sfn_cqrs.kernel.functions.logs import naming_request
from sfn_cqrs.kernel.functions.state import naming_transient, remaining_ms_of
from sfn_cqrs.machines.schedule.publishing import publish_due

bootstrap.prepare()


@naming_request
@naming_transient()
def lambda_handler(_event: dict[str, Any], context: Any) -> dict[str, int]:
    """Publish what is due until time is nearly over; the next call goes on."""
    return publish_due(lambda: remaining_ms_of(context))
