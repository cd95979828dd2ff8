"""What is answered of items."""

from sfn_cqrs.routes.schemas.commands import ATTRIBUTES, AUDIT, CODE, TYPE
from sfn_cqrs.routes.schemas.shapes import page_of, record
from sfn_cqrs.routes.schemas.values import FLAG, TEXT, VERSION

ITEM = record(
    "Item",
    {
        "type": TYPE,
        "code": CODE,
        "version": VERSION,
        "name": TEXT,
        "attributes": ATTRIBUTES,
        "isDeleted": FLAG,
        "commandId": TEXT,
        "source": TEXT,
        **AUDIT,
    },
)
NOT_YET = record("NotYet", {"type": TYPE, "code": CODE, "atLeast": VERSION})
ITEMS = page_of(ITEM)
