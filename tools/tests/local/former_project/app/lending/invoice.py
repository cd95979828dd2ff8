"""INVOICE items, in one read model."""

from sfn_cqrs import bootstrap
from sfn_cqrs.domain.command import Command
from sfn_cqrs.domain.policy import MEMBERS
from sfn_cqrs.service.handlers import command_type, sync_handler
from sfn_cqrs.service.read_models import read_model_type

command_type("INVOICE", publish=MEMBERS)
read_model_type("invoice_list", by=("all",), read=MEMBERS)


@sync_handler("INVOICE")
def invoice_list(command: Command) -> None:
    """Keep each item as it is; a deleted one keeps its row, as a guard against late retries."""
    row = {
        "name": command.name,
        "attributes": command.attributes,
        "version": command.version,
        "is_deleted": command.is_deleted,
    }
    view = bootstrap.read_model("invoice_list")
    view.put_if_newer(command.key.tenant, "all", command.key.code, row)
