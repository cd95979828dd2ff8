"""The answers of types."""

from sfn_cqrs.kernel.http.shapes import list_of, page_of, record
from sfn_cqrs.kernel.http.values import COUNT, OBJECT, TEXT, of, one_of
from sfn_cqrs.machines.command.process import Lane

TYPE_SHOWN = record(
    "Type",
    {
        "type": of("name", TEXT),
        "publish": of(lambda shown: str(shown.access.publish), TEXT),
        "imports": TEXT,
        "read": of(lambda shown: str(shown.access.read), TEXT),
        "guarded": of(lambda shown: sorted(shown.access.guarded), list_of(TEXT)),
        "lane": one_of(*Lane),
        "handlers": of(lambda shown: list(shown.handlers), list_of(TEXT)),
        "shape": {**COUNT, "description": "the number of the shape that versions have today"},
        "personal": of(lambda shown: list(shown.personal), list_of(TEXT)),
    },
    optional={
        "subject": {
            **TEXT,
            "description": "names whom the personal fields are about",
        },
        "schema": {**OBJECT, "description": "JSON Schema of the attributes"},
    },
)
TYPES_SHOWN = page_of(TYPE_SHOWN)
