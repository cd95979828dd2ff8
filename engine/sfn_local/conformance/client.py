"""The API of Step Functions over HTTP, with nothing but the standard library."""

import http.client
import json
import threading
from typing import Any
from urllib.parse import urlsplit

CONTENT = "application/x-amz-json-1.0"
SCOPE = "local/20260101/us-east-1/states/aws4_request"
AUTHORIZATION = f"AWS4-HMAC-SHA256 Credential={SCOPE}, SignedHeaders=host, Signature=0"
OK = 200
SECONDS = 75.0  # GetActivityTask answers after 60


class Refused(Exception):  # noqa: N818 - an answer of the API
    """A call was refused; code is the name of the error."""

    def __init__(self, code: str, message: str) -> None:
        """As the endpoint says it."""
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message


class Api:
    """One endpoint; each thread has its own connection."""

    def __init__(self, endpoint: str) -> None:
        """Endpoint is a URL.

        Raises:
            ValueError: it is none.
        """
        parts = urlsplit(endpoint)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"an endpoint is an http:// or https:// URL, not {endpoint!r}")
        secure = parts.scheme == "https"
        self._make = http.client.HTTPSConnection if secure else http.client.HTTPConnection
        self._address = (parts.hostname, parts.port)
        self._path = parts.path or "/"
        self._local = threading.local()

    def call(self, operation: str, parameters: dict[str, Any]) -> dict[str, Any]:
        """Ask for an operation; its answer.

        Raises:
            Refused: the endpoint refuses it.
            OSError: the endpoint does not answer.
        """
        body = json.dumps(parameters).encode()
        headers = {
            "Content-Type": CONTENT,
            "X-Amz-Target": f"AWSStepFunctions.{operation}",
            "Authorization": AUTHORIZATION,
            "X-Amz-Date": "20260101T000000Z",
        }
        try:
            status, text, error = self._exchange(body, headers)
        except (http.client.HTTPException, ConnectionError):
            self._local.connection = None
            status, text, error = self._exchange(body, headers)
        answer = _object(text)
        if status == OK:
            return answer
        code = str(answer.get("__type") or error or status)
        message = answer.get("message", answer.get("Message", text[:300]))
        raise Refused(code.rpartition("#")[2].partition(":")[0], str(message))

    def _exchange(self, body: bytes, headers: dict[str, str]) -> tuple[int, str, str | None]:
        connection = getattr(self._local, "connection", None)
        if connection is None:
            host, port = self._address
            connection = self._make(host, port, timeout=SECONDS)
            self._local.connection = connection
        try:
            connection.request("POST", self._path, body, headers)
            response = connection.getresponse()
            text = response.read().decode("utf-8", "replace")
        except TimeoutError:
            self._local.connection = None
            raise
        return response.status, text, response.headers.get("x-amzn-errortype")


def _object(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text or "{}")
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
