"""List prices of AWS in us-east-1, in dollars, and what things cost by them."""

from collections.abc import Mapping
from typing import Final

DOLLARS: Final = {
    "write unit": 0.625e-6,
    "read unit": 0.125e-6,
    "invocation": 0.20e-6,
    "GB-second, arm64": 13.3334e-6,
    "state transition": 25e-6,
    "EXPRESS execution": 1.0e-6,
    "EXPRESS GB-second": 16.67e-6,
    "API request": 1e-6,
    "SNS publish": 0.5e-6,
    "S3 PUT": 5e-6,
    "S3 GET": 0.4e-6,
}
MILLION: Final = 1_000_000
DOLLARS_OF_A_COMMAND: Final = 25 / MILLION
"""The highest cost of a command, all included; `tests/bench/cost.py` checks it."""
GB_MONTH: Final = 0.25 + 0.20
"""A gigabyte of a table for a month, with point-in-time recovery."""
S3_GB_MONTH: Final = 0.023
"""A gigabyte of objects for a month."""
TASK_ITEM: Final[Mapping[str, float]] = {
    "write unit": 5.0,
    "read unit": 1.5,
    "invocation": 1.7,
    "GB-second, arm64": 0.05,
    "state transition": 1.3,
    "SNS publish": 0.3,
}
"""The most that an item of a task of ten takes, its handler aside: `tests/bench/task.py`."""
EXPRESS_GB: Final = 0.0625
"""An EXPRESS execution is billed in steps of 64 MB; ours take one."""


RUN_SECONDS: Final = 1.0
"""The estimated time that AWS bills for a run of the command machine in the express lane."""
EXPRESS_LANE: Final = ", express lane"
_CHILD_SECONDS: Final = 5.0
_QUEUED: Final = {
    "write unit": 15.0,
    "read unit": 10.0,
    "invocation": 9.0,
    "GB-second, arm64": 0.25,
}
IMPORTED_ROW: Final[Mapping[str, Mapping[str, float]]] = {
    "SYNC": {
        "write unit": 6.5,
        "read unit": 2.0,
        "invocation": 0.02,
        "GB-second, arm64": 0.02,
        "state transition": 0.006,
        "EXPRESS execution": 0.01,
        "EXPRESS GB-second": 0.01 * _CHILD_SECONDS * EXPRESS_GB,
    },
    "ASYNC": {**_QUEUED, "state transition": 10.0},
    f"ASYNC{EXPRESS_LANE}": {
        **_QUEUED,
        "EXPRESS execution": 1.0,
        "EXPRESS GB-second": RUN_SECONDS * EXPRESS_GB,
    },
}
"""The usage of an imported row by publish mode: a little more than tests/bench/import.py counts.

A queued row of a type that the standard lane takes costs most.

Changed rows take more than new ones. Calls of the project's own handlers are left out.
"""


def express(seconds: float) -> float:
    """Return the cost of an EXPRESS execution of this duration."""
    return DOLLARS["EXPRESS execution"] + seconds * EXPRESS_GB * DOLLARS["EXPRESS GB-second"]


def dollars(used: Mapping[str, float]) -> float:
    """Return the cost of a usage."""
    return sum(DOLLARS[name] * count for name, count in used.items())


def million(used: Mapping[str, float]) -> float:
    """Return the dollars for a million times this usage."""
    return MILLION * dollars(used)
