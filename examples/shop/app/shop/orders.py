"""Orders, listed by customer."""

from sfn_cqrs import bootstrap
from sfn_cqrs.domain.command import Command
from sfn_cqrs.domain.policy import MEMBERS
from sfn_cqrs.service.handlers import command_type, sync_handler
from sfn_cqrs.service.read_models import read_model_type

command_type("ORDER", publish=MEMBERS, guarded=("release", "status"))
read_model_type("orders_by_customer", by="customer", read=MEMBERS)


@sync_handler("ORDER")
def orders_by_customer(command: Command) -> None:
    """Keep the orders of each customer; an order does not change hands."""
    row = {
        "name": command.name,
        "total": command.attributes.get("total"),
        "version": command.version,
        "is_deleted": command.is_deleted,
    }
    customer = str(command.attributes["customer"])
    bootstrap.read_model("orders_by_customer").put_if_newer(
        command.key.tenant, customer, command.key.code, row
    )
