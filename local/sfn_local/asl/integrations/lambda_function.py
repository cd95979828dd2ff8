"""Lambda: a function by its ARN, and `lambda:invoke` with or without a callback."""

from typing import Any

from sfn_local.asl.document import Document, Json, dumps, loads
from sfn_local.asl.errors import RuntimeFailure, SizeFailure, StateFailure
from sfn_local.asl.functions import Answer, FunctionError
from sfn_local.asl.integrations.attempt import Attempt, Expired, News, Returned

OK, ACCEPTED = 200, 202


class LambdaFunction:
    """A Resource that is a function's ARN."""

    is_callback = False

    def __init__(self, function: str) -> None:
        """The function, by ARN or by name."""
        self._function = function

    def start(self, attempt: Attempt, arguments: Document) -> None:
        """Call the function with the arguments."""
        details = {"input": arguments.text, "resource": self._function, **attempt.limits()}
        attempt.record("LambdaFunctionScheduled", details)
        attempt.record("LambdaFunctionStarted")
        attempt.invoke(self._function, arguments.text)

    async def finish(self, attempt: Attempt) -> Document:
        """What the function returns.

        Raises:
            StateFailure: it failed, or did not end in time.
        """
        news = await attempt.news()
        outcome = self._result(news.answer) if isinstance(news, Returned) else news.outcome
        if isinstance(outcome, StateFailure):
            ending = "TimedOut" if isinstance(news, Expired) else "Failed"
            attempt.record(f"LambdaFunction{ending}", outcome.reasons())
            raise outcome
        attempt.record("LambdaFunctionSucceeded", {"output": outcome.text})
        return outcome

    def _result(self, answer: Answer | None) -> Document | StateFailure:
        if isinstance(answer, FunctionError):
            return StateFailure(answer.error, answer.cause)
        result = read_result(answer or b"")
        return SizeFailure(self._function) if result.is_too_large else result


class LambdaInvoke:
    """The optimized integration."""

    def __init__(self, *, is_callback: bool) -> None:
        """With is_callback, `.waitForTaskToken`."""
        self.is_callback = is_callback
        suffix = ".waitForTaskToken" if is_callback else ""
        self._identity = {"resourceType": "lambda", "resource": f"invoke{suffix}"}

    def start(self, attempt: Attempt, arguments: Document) -> None:
        """Call FunctionName with Payload.

        Raises:
            RuntimeFailure: the arguments name no function.
        """
        function, payload = _parse(arguments.value)
        details = {
            "parameters": arguments.text,
            "region": attempt.visit.runtime.region,
            **attempt.limits(),
        }
        attempt.record("TaskScheduled", {**details, **self._identity})
        attempt.record("TaskStarted", self._identity)
        detached = arguments.value.get("InvocationType") == "Event"
        attempt.invoke(function, payload, detached=detached)

    async def finish(self, attempt: Attempt) -> Document:
        """The response of the Invoke API, or the token's output.

        A token may be sent back before its function has returned: the task is over then.

        Raises:
            StateFailure: it failed, or did not end in time.
        """
        news = await attempt.news()
        if self.is_callback and self._record_submission(attempt, news):
            news = await attempt.news()
        outcome = _response(news.answer) if isinstance(news, Returned) else news.outcome
        if isinstance(outcome, StateFailure):
            ending = "TaskTimedOut" if isinstance(news, Expired) else "TaskFailed"
            attempt.record(ending, {**outcome.reasons(), **self._identity})
            raise outcome
        attempt.record("TaskSucceeded", {"output": outcome.text, **self._identity})
        return outcome

    def _record_submission(self, attempt: Attempt, news: News) -> bool:
        """Whether the news is that the function has taken the token."""
        response = _response(news.answer) if isinstance(news, Returned) else None
        if not isinstance(response, Document):
            return False
        attempt.record("TaskSubmitted", {"output": response.text, **self._identity})
        return True


def read_result(answer: bytes) -> Document:
    """What a function returned; a text that is no JSON counts as a string."""
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
        raise RuntimeFailure(
            "The Parameters could not be used to start the Task: "
            "[The field 'FunctionName' is required but was missing]"
        )
    qualifier = arguments.get("Qualifier")
    if isinstance(qualifier, str) and qualifier:
        function = f"{function}:{qualifier}"
    return function, dumps(arguments.get("Payload", {}))


def _response(answer: Answer | None) -> Document | StateFailure:
    """The response of the Invoke API; no answer is that of an asynchronous call."""
    if isinstance(answer, FunctionError):
        return StateFailure(answer.error, answer.cause)
    if answer is None:
        return Document(_envelope(ACCEPTED, "", 0))
    response = Document(_envelope(OK, read_result(answer).value, len(answer)))
    return SizeFailure("lambda") if response.is_too_large else response


def _envelope(status: int, payload: Json, length: int) -> dict[str, Any]:
    headers = {"Content-Length": str(length), "Content-Type": "application/json"}
    return {
        "ExecutedVersion": "$LATEST",
        "Payload": payload,
        "SdkHttpMetadata": {
            "AllHttpHeaders": {name: [value] for name, value in headers.items()},
            "HttpHeaders": headers,
            "HttpStatusCode": status,
        },
        "SdkResponseMetadata": {"RequestId": "00000000-0000-0000-0000-000000000000"},
        "StatusCode": status,
    }
