"""Publishing to an AppSync Events API: HTTP, signed by IAM; boto3 has no client for it.

Source: AWS AppSync Events Developer Guide, "Publishing via HTTP" and "Quotas".
"""

import json
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from sfn_cqrs.domain.channels import LiveEvent
from sfn_cqrs.domain.errors import BusyError

if TYPE_CHECKING:
    from botocore.awsrequest import AWSPreparedRequest

BATCH = 5
"""AppSync takes so many events at once, all of one channel."""
_TOO_MANY_REQUESTS = 429
_FIRST_ERROR = 400
_FIRST_SERVER_ERROR = 500

Send = Callable[["AWSPreparedRequest"], Any]


class LiveRefusedError(Exception):
    """The API takes no events from us, and will not take the very same later."""


class LiveEvents:
    """An Events API that this process may publish to."""

    def __init__(self, session: Any, endpoint: str, send: Send | None = None) -> None:
        """Publish to an endpoint with a boto3 session's credentials; `send` may stand for HTTP."""
        self._session = session
        self._endpoint = endpoint
        self._send = send or _sender()

    def publish(self, events: Sequence[LiveEvent]) -> None:
        """Publish events, those of a channel in their order, five to a request.

        Raises:
            BusyError: some of them were not taken, and may be later; those before them were.
            LiveRefusedError: they never will.
        """
        channels: dict[str, list[str]] = {}
        for event in events:
            text = json.dumps(event.content, ensure_ascii=False, separators=(",", ":"))
            channels.setdefault(event.channel, []).append(text)
        for channel, texts in channels.items():
            for start in range(0, len(texts), BATCH):
                self._publish(channel, texts[start : start + BATCH])

    def _publish(self, channel: str, texts: list[str]) -> None:
        answer = self._send(self._signed({"channel": channel, "events": texts}))
        status = answer.status_code
        if status == _TOO_MANY_REQUESTS or status >= _FIRST_SERVER_ERROR:
            raise BusyError(f"AppSync answers {status}")
        if status >= _FIRST_ERROR:
            raise LiveRefusedError(f"AppSync answers {status}: {answer.text[:500]}")
        failed = json.loads(answer.text).get("failed", [])
        if failed:
            raise BusyError(f"{len(failed)} events were not taken")

    def _signed(self, body: dict[str, Any]) -> "AWSPreparedRequest":
        from botocore.auth import SigV4Auth  # noqa: PLC0415 - a function that calls nothing
        from botocore.awsrequest import AWSRequest  # noqa: PLC0415 - pays nothing

        request = AWSRequest(
            "POST",
            self._endpoint,
            {"Content-Type": "application/json"},
            json.dumps(body, ensure_ascii=False).encode(),
        )
        signer = SigV4Auth(self._session.get_credentials(), "appsync", self._session.region_name)
        signer.add_auth(request)
        return request.prepare()


def _sender() -> Send:
    from botocore.httpsession import URLLib3Session  # noqa: PLC0415 - comes with boto3

    send: Send = URLLib3Session(timeout=5).send
    return send
