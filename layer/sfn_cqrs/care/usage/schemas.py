"""The answers of usage."""

from sfn_cqrs.kernel.http.shapes import list_of, record
from sfn_cqrs.kernel.http.values import COUNT, TEXT, of

_KNOWN = of(
    lambda counted: round(counted.known, 4),
    {
        "type": "number",
        "minimum": 0,
        "maximum": 1,
        "description": "the share of the parts that were counted since; the others are estimated",
    },
)
_STORED = record(
    "StoredUsage",
    {
        "type": TEXT,
        "items": COUNT,
        "bytes": of("size", COUNT),
        "objectBytes": of("objects", COUNT),
        "known": _KNOWN,
    },
)
_DAY = record(
    "DayUsage",
    {
        "day": TEXT,
        "type": TEXT,
        "commands": COUNT,
        "rows": COUNT,
        "taskItems": COUNT,
        "known": _KNOWN,
    },
)
USAGE = record("Usage", {"stored": list_of(_STORED), "days": list_of(_DAY)})
