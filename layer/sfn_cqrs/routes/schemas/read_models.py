"""The answers of read models."""

from sfn_cqrs.routes.schemas.shapes import list_of, page_of, record
from sfn_cqrs.routes.schemas.values import OBJECT, TEXT, of

READ_MODEL = record(
    "ReadModel",
    {
        "name": TEXT,
        "by": {**TEXT, "description": "what names its partitions"},
        "partitions": {
            **of(lambda one: list(one.partitions), list_of(TEXT)),
            "description": "all that can be read, if they have names of their own",
        },
    },
    optional={"row": {**OBJECT, "description": "JSON Schema of a row, if it has a class"}},
)
READ_MODELS = page_of(READ_MODEL)
ROW = record("Row", {"sort": TEXT, "row": OBJECT})
ROWS = page_of(ROW)
