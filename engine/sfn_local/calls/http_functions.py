"""Functions behind the Invoke API of AWS Lambda, over HTTP."""

import queue
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException, HTTPResponse
from urllib.parse import quote, urlsplit

from sfn_local.calls.functions import Answer, Done, FunctionError, invocation_headers
from sfn_local.calls.workers import Workers
from sfn_local.document import Json, dumps, loads

PATH = "/2015-03-31/functions/{}/invocations"
JSON_BODY = {"Content-Type": "application/json"}
SECONDS = 930.0  # Lambda's own limit is 900


class HttpFunctions:
    """Calls functions at an endpoint such as http://127.0.0.1:3001, on a pool of threads."""

    def __init__(self, endpoint: str, workers: int = 128) -> None:
        """At most workers functions run at a time; the others queue.

        Raises:
            ValueError: the endpoint is not an http:// URL.
        """
        parts = urlsplit(endpoint)
        if parts.scheme != "http" or not parts.hostname:
            raise ValueError(f"a Lambda endpoint is an http:// URL, not {endpoint!r}")
        self.endpoint = endpoint
        self._host, self._port = parts.hostname, parts.port or 80
        self._idle: queue.SimpleQueue[HTTPConnection] = queue.SimpleQueue()
        self._workers = Workers(workers, "invoke")

    def submit(self, function: str, payload: bytes, done: Done) -> None:
        """Call a function by name or ARN, and done with its answer on another thread."""
        headers = {**JSON_BODY, **invocation_headers.get()}
        self._workers.submit(lambda: done(self._call(function, payload, headers)))

    def close(self) -> None:
        """Start no more calls; those that run are left alone."""
        self._workers.close()

    def _call(self, function: str, payload: bytes, headers: dict[str, str]) -> Answer:
        path = PATH.format(quote(function, safe=""))
        try:
            response, body = self._post(path, payload, headers)
        except (OSError, HTTPException) as error:
            cause = f"Unable to execute HTTP request to {self.endpoint}: {error}"
            return FunctionError("Lambda.SdkClientException", cause)
        return _read(function, response, body)

    def _post(
        self, path: str, payload: bytes, headers: dict[str, str]
    ) -> tuple[HTTPResponse, bytes]:
        idle = self._idle_connection()
        if idle is not None:
            try:
                return self._exchange(idle, path, payload, headers)
            except (ConnectionError, HTTPException):  # the server has ended it meanwhile
                idle.close()
        fresh = HTTPConnection(self._host, self._port, timeout=SECONDS)
        return self._exchange(fresh, path, payload, headers)

    def _exchange(
        self, connection: HTTPConnection, path: str, payload: bytes, headers: dict[str, str]
    ) -> tuple[HTTPResponse, bytes]:
        connection.request("POST", path, payload, headers)
        response = connection.getresponse()
        body = response.read()
        self._idle.put(connection)
        return response, body

    def _idle_connection(self) -> HTTPConnection | None:
        try:
            return self._idle.get_nowait()
        except queue.Empty:
            return None


def _read(function: str, response: HTTPResponse, body: bytes) -> Answer:
    text = body.decode("utf-8", "replace")
    if response.status == HTTPStatus.NOT_FOUND:
        request = response.headers.get("x-amzn-RequestId") or "local"
        return FunctionError.unknown_function(_message(text) or function, request)
    if response.status >= HTTPStatus.BAD_REQUEST:
        error = response.headers.get("x-amzn-ErrorType") or "ServiceException"
        return FunctionError(f"Lambda.{error}", f"{text} (Status Code: {response.status})")
    if response.headers.get("X-Amz-Function-Error"):
        return _function_error(text)
    return body


def _function_error(text: str) -> FunctionError:
    """Return the error that a function raised, with its report in Step Functions' compact form."""
    report = _object(text)
    error = report.get("errorType")
    name = error if isinstance(error, str) and error else "Lambda.Unknown"
    return FunctionError(name, dumps(report) if report else text)


def _message(text: str) -> str | None:
    """Return Lambda's message about a call that it refuses."""
    message = _object(text).get("Message")
    return message if isinstance(message, str) else None


def _object(text: str) -> dict[str, Json]:
    try:
        value = loads(text)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
