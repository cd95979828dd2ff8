"""Publishing to an AppSync Events API: HTTP, signed by IAM; boto3 has no client for it.

Source: AWS AppSync Events Developer Guide, "Publishing via HTTP" and "Quotas".
"""

import json
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from sfn_cqrs.care.live.channels import LiveEvent
from sfn_cqrs.kernel.errors import BusyError

if TYPE_CHECKING:
    from botocore.awsrequest import AWSPreparedRequest

BATCH = 5
"""AppSync takes this many events in one request, all of one channel."""
_TOO_MANY_REQUESTS = 429
_FIRST_ERROR = 400
_FIRST_SERVER_ERROR = 500

Send = Callable[["AWSPreparedRequest"], Any]
AtOnce = Callable[[Callable[[Any], Any], Iterable[Any]], list[Any]]


class LiveRefusedError(Exception):
    """The API refuses our events; the same events will be refused later as well."""


class LiveEvents:
    """An Events API that this process may publish to."""

    def __init__(
        self, session: Any, endpoint: str, at_once: AtOnce, send: Send | None = None
    ) -> None:
        """Publish to an endpoint with a boto3 session's credentials; `send` may stand for HTTP."""
        self._session = session
        self._endpoint = endpoint
        self._at_once = at_once
        self._send = send or _sender()

    def publish(self, events: Sequence[LiveEvent]) -> None:
        """Publish events: channels in parallel, each channel in order, five events to a request.

        A channel that is slow or refuses its events holds up no other. There are as many threads
        as channels, and so at most as many as events.

        Raises:
            BusyError: some events were not taken; they may be later.
            LiveRefusedError: some events will never be taken.
        """
        channels: dict[str, list[str]] = {}
        for event in events:
            text = json.dumps(event.content, ensure_ascii=False, separators=(",", ":"))
            channels.setdefault(event.channel, []).append(text)
        self._at_once(self._publish_channel, channels.items())

    def _publish_channel(self, channel: tuple[str, list[str]]) -> None:
        name, texts = channel
        for start in range(0, len(texts), BATCH):
            self._publish(name, texts[start : start + BATCH])

    def _publish(self, channel: str, texts: list[str]) -> None:
        answer = self._send(self._sign({"channel": channel, "events": texts}))
        status = answer.status_code
        if status == _TOO_MANY_REQUESTS or status >= _FIRST_SERVER_ERROR:
            raise BusyError(f"AppSync answers {status}")
        if status >= _FIRST_ERROR:
            raise LiveRefusedError(f"AppSync answers {status}: {answer.text[:500]}")
        failed = json.loads(answer.text).get("failed", [])
        if failed:
            raise BusyError(f"{len(failed)} events were not taken")

    def _sign(self, body: dict[str, Any]) -> "AWSPreparedRequest":
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
