"""The answers of read models."""

from sfn_cqrs.kernel.http.shapes import list_of, page_of, record
from sfn_cqrs.kernel.http.values import OBJECT, TEXT, of

READ_MODEL = record(
    "ReadModel",
    {
        "name": TEXT,
        "by": {**TEXT, "description": "a word for the names of its partitions"},
        "partitions": {
            **of(lambda one: list(one.partitions), list_of(TEXT)),
            "description": "the readable partitions, if the declaration names them",
        },
    },
    optional={"row": {**OBJECT, "description": "JSON Schema of a row, if it has a class"}},
)
READ_MODELS = page_of(READ_MODEL)
ROW = record("Row", {"sort": TEXT, "row": OBJECT})
ROWS = page_of(ROW)
