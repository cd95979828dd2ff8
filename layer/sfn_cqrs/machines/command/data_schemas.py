"""The answers of items."""

from sfn_cqrs.kernel.http.shapes import page_of, record
from sfn_cqrs.kernel.http.values import FLAG, OBJECT, TEXT, VERSION, audit, given, of, one_of
from sfn_cqrs.machines.command.schemas import CODE, TYPE

ITEM = record(
    "Item",
    {
        "type": of("key.type", TYPE),
        "code": of("key.code", CODE),
        "version": VERSION,
        "name": TEXT,
        "attributes": OBJECT,
        "isDeleted": FLAG,
        "commandId": TEXT,
        "source": TEXT,
        **audit("created", "created"),
        **audit("updated", "updated"),
    },
    optional={"outcome": given(one_of("APPLIED", "FAILED", "OPEN", "SKIPPED"))},
)
"""An earlier state is listed without its outcome."""
NOT_YET = record("NotYet", {"type": TYPE, "code": CODE, "atLeast": VERSION})
ITEMS = page_of(ITEM)
