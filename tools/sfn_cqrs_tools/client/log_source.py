"""Where the lines of a stack's log come from: a file of the local stack, or CloudWatch Logs."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from sfn_cqrs_tools.client.aws import Target
from sfn_cqrs_tools.client.log_lines import LogLine, parsed

LOOK_SECONDS: Final = 0.2
AWS_SECONDS: Final = 2.0
LATE_MS: Final = 10_000
_STREAM: Final = re.compile(r"(?:.*/)?(?P<function>[^/\[]+)\[")


def lines_of_file(path: Path, *, follow: bool) -> Iterator[LogLine | None]:
    """Yield the lines of stack.log; None each time that there is no more for now.

    Without `follow` it ends there. A file that is begun anew, by another `up`, is read anew.
    """
    file = path.open(encoding="utf-8", errors="replace")
    try:
        partial = ""
        while True:
            *lines, partial = (partial + file.read()).split("\n")
            yield from parsed(lines)
            yield None
            if not follow:
                return
            time.sleep(LOOK_SECONDS)
            if path.exists() and path.stat().st_size < file.tell():
                file.close()
                file, partial = path.open(encoding="utf-8", errors="replace"), ""
    finally:
        file.close()


def lines_of_aws(target: Target, since_ms: int, *, follow: bool) -> Iterator[LogLine | None]:
    """Yield the lines of a stack's log group; None each time that there is no more for now.

    Lines arrive late and out of order: the last seconds are read again, and each line comes once.
    """
    client = target.client("logs")
    group, seen = target.physical_id("FunctionLogGroup"), set[str]()
    while True:
        pages = client.get_paginator("filter_log_events")
        for page in pages.paginate(logGroupName=group, startTime=since_ms):
            for event in page["events"]:
                if event["eventId"] not in seen:
                    seen.add(event["eventId"])
                    since_ms = max(since_ms, event["timestamp"] - LATE_MS)
                    yield of_aws(event)
        yield None
        if not follow:
            return
        time.sleep(AWS_SECONDS)


def of_aws(event: dict[str, Any]) -> LogLine:
    """Read an event of a log group."""
    stream = _STREAM.match(event["logStreamName"])
    line = LogLine.of_function(stream["function"] if stream else "", "-", event["message"].rstrip())
    request = line.fields.get("requestId") or line.fields.get("function_request_id") or "-"
    return LogLine(line.function, str(request), line.text, line.fields)
