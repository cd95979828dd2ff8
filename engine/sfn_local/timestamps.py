"""Timestamps in definitions and data: ISO 8601 dates and times with an offset."""

import re
from datetime import UTC, datetime

from sfn_local.document import Json

TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)")


def parse_timestamp(text: Json) -> float | None:
    """Seconds since 1970 of a timestamp; None where the value is none."""
    if not isinstance(text, str) or TIMESTAMP.fullmatch(text) is None:
        return None
    try:
        return datetime.fromisoformat(text).timestamp()
    except (ValueError, OverflowError):
        return None


def timestamp(moment: float) -> str:
    """A moment as the context object shows it: UTC, in milliseconds."""
    return f"{datetime.fromtimestamp(moment, UTC).isoformat(timespec='milliseconds')[:-6]}Z"
