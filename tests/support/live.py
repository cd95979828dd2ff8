"""AppSync Events as functions see it: what takes their events, and what asks who may subscribe."""

import json
from http import HTTPStatus
from types import SimpleNamespace
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from botocore.awsrequest import AWSPreparedRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError
from tests.support.calls import Calls
from tests.support.system import ALONE

from sfn_cqrs.care.live.events import LiveEvents
from sfn_cqrs.kernel.aws.transient import is_transient

ENDPOINT = "https://live.invalid/event"
PUBLISH = "PublishEvents"


class Answer(NamedTuple):
    """What AppSync answers."""

    status_code: int
    text: str


class Channels:
    """Takes what functions publish; a fault of a call is answered as AppSync answers it."""

    def __init__(self, calls: Calls) -> None:
        self.told: dict[str, list[dict[str, Any]]] = {}
        self.sent: list[str] = []
        self._calls = calls

    def events(self) -> LiveEvents:
        """The adapter, with all but HTTP itself."""
        keys = Credentials("testing", "testing")
        session = SimpleNamespace(get_credentials=lambda: keys, region_name="us-east-1")
        return LiveEvents(session, ENDPOINT, ALONE["at_once"], self._send)

    def _send(self, request: AWSPreparedRequest) -> Answer:
        assert urlsplit(str(request.url)).netloc == urlsplit(ENDPOINT).netloc
        assert "Credential=testing/" in str(request.headers["Authorization"])
        try:
            self._calls.before(PUBLISH)
            self._take(bytes(request.body))
            self._calls.after(PUBLISH)
        except ClientError as error:
            return Answer(_status_of(error), str(error))
        return Answer(HTTPStatus.OK, "{}")

    def _take(self, body: bytes) -> None:
        published = json.loads(body)
        self.sent.append(body.decode())
        events = [json.loads(event) for event in published["events"]]
        self.told.setdefault(published["channel"], []).extend(events)


def _status_of(error: ClientError) -> int:
    status = int(error.response["ResponseMetadata"]["HTTPStatusCode"])
    is_busy = status == HTTPStatus.BAD_REQUEST and is_transient(error)
    return HTTPStatus.TOO_MANY_REQUESTS if is_busy else status


def subscription(path: str, claims: dict[str, Any]) -> dict[str, Any]:
    """What AppSync asks when somebody whose token it has verified wants to hear a channel."""
    return {
        "identity": {"claims": claims, "issuer": claims.get("iss"), "sub": claims.get("sub")},
        "info": {
            "channel": {"path": path, "segments": path.strip("/").split("/")},
            "channelNamespace": {"name": "live"},
            "operation": "SUBSCRIBE",
        },
        "request": {"headers": {}, "domainName": None},
        "events": None,
    }
