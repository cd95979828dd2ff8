"""Send a webhook once: to the address that was checked, within seconds, following nothing."""

import socket
import ssl
from collections.abc import Sequence
from contextlib import suppress
from http.client import HTTPException, HTTPSConnection
from threading import Timer
from typing import Final

from sfn_cqrs import bootstrap
from sfn_cqrs.kernel.errors import WebhookNotTakenError
from sfn_cqrs.kernel.functions.logs import logger
from sfn_cqrs.kernel.notices import Message
from sfn_cqrs.webhooks.signing import headers_of, webhook_of
from sfn_cqrs.webhooks.targets import Target, checked, target_of

SECONDS: Final = 2.5
"""For one try; the function gets ten notices at once, and has 30 seconds for them."""
_SUCCESS: Final = range(200, 300)


def send_webhook(notice: Message, *, to: str, secrets: str | Sequence[str]) -> str:
    """Send a notice to another system, signed by Standard Webhooks, and return its webhook-id.

    It is tried once. Let what it raises pass: the notice is delivered again, ever later, for half
    an hour; then it is a dead letter. Each delivery of a notice has the same webhook-id. Webhooks
    come in no order: a receiver keeps the newer version. No attribute of an item is sent.

    Args:
        notice: what the handler of notices got.
        to: an https URL; a host with an address that is not public is refused.
        secrets: `whsec_…`; while it is being changed, the new one and the old one.

    Raises:
        WebhookTargetError: the URL or the host's addresses are not allowed.
        WebhookNotTakenError: the receiver was not reached in time, or did not answer 2xx.
        ValueError: a secret has another form.
    """
    webhook, target = webhook_of(notice), target_of(to)
    keys = [secrets] if isinstance(secrets, str) else list(secrets)
    headers = headers_of(webhook, keys, int(bootstrap.DEPLOYED.now().timestamp()))
    if trace := bootstrap.traceparent():
        headers["traceparent"] = trace
    addresses = checked(target.host, _addresses(target))
    status = _post(target, addresses[0], webhook.body, headers)
    logger.info("a webhook was sent", webhook_id=webhook.id, host=target.host, answer=status)
    if status not in _SUCCESS:
        raise WebhookNotTakenError(f"{target.host} answered {status}")
    return webhook.id


class _Pinned(HTTPSConnection):
    """Connects to one address, and wants the certificate of the host's name."""

    def __init__(self, target: Target, address: str) -> None:
        self._tls = ssl.create_default_context()
        super().__init__(target.host, target.port, timeout=SECONDS, context=self._tls)
        self._address = address

    def connect(self) -> None:
        """Connect to the address; the name is not resolved again."""
        plain = socket.create_connection((self._address, self.port), SECONDS / 2)
        tls = self._tls.wrap_socket(plain, server_hostname=self.host, do_handshake_on_connect=False)
        self.sock = tls  # which `stop` may end from now on
        tls.do_handshake()

    def stop(self) -> None:
        """End what is waiting for the other side, however slowly it sends."""
        if self.sock:
            with suppress(OSError):  # it has ended
                socket.socket.shutdown(self.sock, socket.SHUT_RDWR)  # TLS's own lets plain text out


def _addresses(target: Target) -> list[str]:
    try:
        found = socket.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise WebhookNotTakenError(f"{target.host} was not found") from None
    return [str(each[4][0]) for each in found]


def _post(target: Target, address: str, body: bytes, headers: dict[str, str]) -> int:
    """Return the status of the answer; its body is not read, and a redirect is not followed."""
    connection = _Pinned(target, address)
    timer = Timer(SECONDS, connection.stop)
    timer.daemon = True
    timer.start()
    try:
        connection.request("POST", target.path, body, headers)
        return connection.getresponse().status
    except (OSError, HTTPException) as error:
        raise WebhookNotTakenError(f"{target.host}: {type(error).__name__}") from None
    finally:
        timer.cancel()
        connection.close()
