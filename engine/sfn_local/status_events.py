"""Status changes of executions as EventBridge gets them, sent to a URL or to an event bus.

Sources: Step Functions Developer Guide, "Automating Step Functions event delivery with
EventBridge"; EventBridge Events Reference, "AWS Step Functions events" (best effort). EXPRESS
executions have none.
"""

import json
import logging
import queue
import threading
import time
import urllib.request
import uuid
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from sfn_local.calls.services import Services
from sfn_local.document import byte_size

SOURCE = "aws.states"
DETAIL_TYPE = "Step Functions Execution Status Change"
LARGEST_DATA = 248 * 1024
BUS = "bus:"
WAITING = 10_000
TRIES = 3
SECONDS = 10.0
PAUSE = 0.2

OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))
logger = logging.getLogger(__name__)

Event = dict[str, Any]
Send = Callable[[Event], None]


def event_of(described: Mapping[str, Any], region: str, account: str, moment: datetime) -> Event:
    """Return the event of an execution, from DescribeExecution's answer."""
    given, output = described.get("input"), described.get("output")
    is_small = byte_size(given or "") + byte_size(output or "") <= LARGEST_DATA
    detail = {
        "executionArn": described["executionArn"],
        "stateMachineArn": described["stateMachineArn"],
        "name": described["name"],
        "status": described["status"],
        "startDate": _millis(described["startDate"]),
        "stopDate": _millis(described.get("stopDate")),
        "input": given if is_small else None,
        "inputDetails": {"included": is_small},
        "output": output if is_small else None,
        "outputDetails": {"included": is_small} if output is not None else None,
        "error": described.get("error"),
        "cause": described.get("cause"),
        "stateMachineVersionArn": described.get("stateMachineVersionArn"),
        "stateMachineAliasArn": described.get("stateMachineAliasArn"),
        "redriveCount": described.get("redriveCount", 0),
        "redriveDate": _millis(described.get("redriveDate")),
        "redriveStatus": described.get("redriveStatus"),
        "redriveStatusReason": described.get("redriveStatusReason"),
    }
    return {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": DETAIL_TYPE,
        "source": SOURCE,
        "account": account,
        "time": moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "region": region,
        "resources": [described["executionArn"]],
        "detail": detail,
    }


class StatusEvents:
    """Sends events in their order, on its own thread; an event that fails is logged and lost.

    The engine does not wait for it, as AWS's executions do not wait for EventBridge.
    """

    def __init__(self, send: Send, region: str, account: str, now: Callable[[], datetime]) -> None:
        """Send takes an event, and raises OSError or ValueError where it cannot."""
        self._send = send
        self._region, self._account, self._now = region, account, now
        self._waiting: queue.Queue[Event | None] = queue.Queue(WAITING)
        self._thread = threading.Thread(target=self._work, name="status-events", daemon=True)
        self._thread.start()

    def __call__(self, described: dict[str, Any]) -> None:
        """Take a status change, as a listener of an engine."""
        if described.get("mapRunArn") is None and ":express:" not in described["executionArn"]:
            event = event_of(described, self._region, self._account, self._now())
            try:
                self._waiting.put_nowait(event)
            except queue.Full:
                logger.warning("too many events wait; one of %s is lost", event["resources"][0])

    def close(self) -> None:
        """Send what waits, and end."""
        self._waiting.put(None)
        self._thread.join(SECONDS)

    def _work(self) -> None:
        while (event := self._waiting.get()) is not None:
            for attempt in range(1, TRIES + 1):
                try:
                    self._send(event)
                    break
                except Exception as error:  # a target may raise anything, and the next event is due
                    if attempt == TRIES:
                        arn, status = event["resources"][0], event["detail"]["status"]
                        logger.warning("the event %s of %s is lost: %s", status, arn, error)
                    else:
                        time.sleep(PAUSE * attempt)


def sender(target: str, services: Services) -> Send:
    """Return what sends events to an http:// URL, or to `bus:NAME` by PutEvents.

    Raises:
        ValueError: the target is neither.
    """
    if target.startswith(BUS):
        return lambda event: _put(services, target.removeprefix(BUS) or "default", event)
    if target.startswith(("http://", "https://")):
        return lambda event: _post(target, event)
    raise ValueError(f"events go to an http:// URL or to {BUS}NAME, not to {target!r}")


def _post(url: str, event: Event) -> None:
    body = json.dumps(event).encode()
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"})
    OPENER.open(request, timeout=SECONDS).close()


def _put(services: Services, bus: str, event: Event) -> None:
    entry = {
        "EventBusName": bus,
        "Source": SOURCE,
        "DetailType": DETAIL_TYPE,
        "Resources": event["resources"],
        "Time": datetime.fromisoformat(event["time"]),
        "Detail": json.dumps(event["detail"]),
    }
    answer = services.client("events").put_events(Entries=[entry])
    if answer.get("FailedEntryCount"):
        raise OSError(f"EventBridge refuses it: {answer['Entries'][0].get('ErrorMessage')}")


def _millis(moment: datetime | None) -> int | None:
    return None if moment is None else round(moment.timestamp() * 1000)
