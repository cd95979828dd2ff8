"""The answers about plans."""

from sfn_cqrs.kernel.http.shapes import page_of, record
from sfn_cqrs.kernel.http.values import FLAG, MOMENT, OBJECT, TEXT, VERSION, audit, of, one_of
from sfn_cqrs.machines.command.schemas import CODE, TYPE
from sfn_cqrs.machines.schedule.rules import Status

PLAN = record(
    "Plan",
    {
        "type": of("item.type", TYPE),
        "code": of("item.code", CODE),
        "plan": of("name", {**TEXT, "description": "its name, unique on the item"}),
        "status": one_of(*Status),
        "dueAt": of("due_at", MOMENT),
        "partial": of("wanted.is_partial", FLAG),
        "attributes": of("wanted.attributes", OBJECT),
        **audit("created", "created"),
        "statusAt": of("updated_at", MOMENT),
    },
    optional={
        "name": of("wanted.name", {**TEXT, "description": "the item's name, as planned"}),
        "isDeleted": of("wanted.is_deleted", FLAG),
        "ifVersion": of(
            "if_version", {"type": "integer", "description": "published on this version only"}
        ),
        "version": of("version", {**VERSION, "description": "that it has become"}),
        "reason": of("reason", {**TEXT, "description": "why it was refused"}),
    },
)
PLANS = page_of(PLAN)
