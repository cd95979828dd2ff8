"""LOAN_NOTE items, in one read model."""

from dataclasses import dataclass

from sfn_cqrs import bootstrap
from sfn_cqrs.domain.command import Command
from sfn_cqrs.domain.policy import MEMBERS, group
from sfn_cqrs.service.handlers import command_type, sync_handler
from sfn_cqrs.service.read_models import read_model_type


@dataclass(frozen=True)
class LoanNote:
    """What a version of LOAN_NOTE contains."""

    clerk: str
    minutes: int


command_type("LOAN_NOTE", publish=group("clerk"), model=LoanNote)
read_model_type("loan_note_list", by=("all",), read=MEMBERS)


@sync_handler("LOAN_NOTE")
def loan_note_list(command: Command[LoanNote]) -> None:
    """Keep each item as it is; a deleted one keeps its row, as a guard against late retries."""
    row = {
        "name": command.name,
        "attributes": command.attributes,
        "version": command.version,
        "is_deleted": command.is_deleted,
    }
    view = bootstrap.read_model("loan_note_list")
    view.put_if_newer(command.key.tenant, "all", command.key.code, row)
