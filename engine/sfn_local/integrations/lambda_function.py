"""Lambda: a function by its ARN, and `lambda:invoke` with or without a callback."""

import base64
from collections.abc import Callable
from typing import Any

from sfn_local.calls.functions import Answer, FunctionError
from sfn_local.document import Document, Json, dumps, loads
from sfn_local.errors import ResultTooLarge, StateFailure
from sfn_local.integrations.attempt import Attempt, Outcome
from sfn_local.integrations.service_task import ServiceTask, metadata, missing

TAIL = "Tail"
DENIED = "Lambda.AWSLambdaException"
HEADERS = {
    "TenantId": "X-Amz-Tenant-Id",
    "DurableExecutionName": "X-Amz-Durable-Execution-Name",
    "ClientContext": "X-Amz-Client-Context",
}
LOCAL_LOG = base64.b64encode(b"the log of a function stays with whatever runs it here").decode()
OK, ACCEPTED = 200, 202
NO_REQUEST = "00000000-0000-0000-0000-000000000000"


class LambdaFunction:
    """A Resource that is a function's ARN."""

    is_callback = has_token = False

    def __init__(self, function: str) -> None:
        """The function, by ARN or by name."""
        self._function = function

    def start(self, attempt: Attempt, arguments: Document) -> None:
        """Call the function with the arguments."""
        details = {"input": arguments.text, "resource": self._function, **attempt.terms()}
        attempt.record("LambdaFunctionScheduled", details)
        attempt.record("LambdaFunctionStarted")
        called = Document({"FunctionName": self._function})
        refused = attempt.refusal("lambda", "invoke", called, DENIED)
        if refused is None:
            attempt.invoke(self._function, arguments.text, self._read)
        else:
            attempt.answer(refused)

    async def finish(self, attempt: Attempt) -> Document:
        """Wait for the function's result.

        Raises:
            StateFailure: it failed, or did not end in time.
        """
        return attempt.conclude(await attempt.ending(), "LambdaFunction")

    def _read(self, answer: Answer) -> Outcome:
        if isinstance(answer, FunctionError):
            return StateFailure(answer.error, answer.cause)
        result = read_result(answer)
        return ResultTooLarge(self._function) if result.is_too_large else result


class LambdaInvoke(ServiceTask):
    """The optimized integration."""

    def __init__(self, *, is_callback: bool) -> None:
        """With is_callback, `.waitForTaskToken`."""
        super().__init__("lambda", "invoke", is_callback=is_callback)

    @property
    def denied(self) -> str:
        """Return the error of a call that the role may not make, as AWS names it."""
        return DENIED

    def prepare(self, attempt: Attempt, arguments: Json) -> Callable[[], None]:
        """A call of FunctionName with Payload.

        Raises:
            RuntimeFailure: the arguments name no function.
        """
        function, payload = _parse(arguments)
        headers = _headers(arguments)
        log = {"LogResult": LOCAL_LOG} if arguments.get("LogType") == TAIL else {}
        if arguments.get("InvocationType") != "Event":
            return lambda: attempt.invoke(
                function, payload, lambda answer: _read_response(answer, log), headers
            )

        def detached() -> None:
            attempt.invoke(function, payload, None, headers)
            attempt.answer(Document(_envelope(ACCEPTED, "", 0)))

        return detached


def read_result(answer: bytes) -> Document:
    """Return a function's result; a text that is not JSON counts as a string."""
    text = answer.decode("utf-8", "replace")
    if not text:
        return Document(None)
    try:
        return Document(loads(text), text)
    except ValueError:
        return Document(text)


def _parse(arguments: Json) -> tuple[str, str]:
    """The function, with its qualifier, and the payload's text."""
    function = arguments.get("FunctionName") if isinstance(arguments, dict) else None
    if not isinstance(function, str) or not function:
        raise missing("FunctionName")
    qualifier = arguments.get("Qualifier")
    if isinstance(qualifier, str) and qualifier:
        function = f"{function}:{qualifier}"
    return function, _payload_text(arguments.get("Payload"))


def _headers(arguments: Json) -> dict[str, str]:
    """Return the headers of the call: the tenant, and the name of a durable execution."""
    return {
        header: arguments[name]
        for name, header in HEADERS.items()
        if isinstance(arguments.get(name), str)
    }


def _payload_text(payload: Json) -> str:
    """Return the bytes that AWS sends: {} for nothing, and a text that is JSON as it is."""
    if payload is None:
        return "{}"
    if isinstance(payload, str):
        try:
            loads(payload)
        except ValueError:
            return dumps(payload)
        return payload
    return dumps(payload)


def _read_response(answer: Answer, log: dict[str, Json]) -> Outcome:
    """The response of the Invoke API, with what it says of the log."""
    if isinstance(answer, FunctionError):
        return StateFailure(answer.error, answer.cause)
    envelope = _envelope(OK, read_result(answer).value, len(answer))
    response = Document({**envelope, **log} if log else envelope)
    return ResultTooLarge("lambda") if response.is_too_large else response


def _envelope(status: int, payload: Json, length: int) -> dict[str, Any]:
    headers = {"Content-Length": str(length), "Content-Type": "application/json"}
    return {
        "ExecutedVersion": "$LATEST",
        "Payload": payload,
        **metadata(status, headers, NO_REQUEST),
        "StatusCode": status,
    }
