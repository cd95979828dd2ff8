"""The common part of optimized integrations and AWS SDK integrations."""

import re
from abc import ABC, abstractmethod
from typing import Any

from sfn_local.document import Document, Json
from sfn_local.errors import RuntimeFailure, StateFailure
from sfn_local.integrations.attempt import Attempt, Ending, Expired, Returned
from sfn_local.language.catalogue import CALLBACK

SUBMITTING = re.compile(r"\.(waitForTaskToken|sync(:\d)?)$")


class ServiceTask(ABC):
    """A task that calls a service, and may then wait for its token."""

    def __init__(self, service: str, action: str, *, is_callback: bool = False) -> None:
        """Service and action as the Resource names them, the action with its pattern."""
        self.is_callback = is_callback
        self.has_token = is_callback
        suffix = CALLBACK if is_callback else ""
        self._service_name, self._action_name = service, action
        self.identity = {"resourceType": service, "resource": f"{action}{suffix}"}

    def start(self, attempt: Attempt, arguments: Document) -> None:
        """Call the service.

        Raises:
            RuntimeFailure: the arguments lack what the service needs.
        """
        call = self.prepare(attempt, arguments.value)
        attempt.arguments = arguments
        details = {
            "parameters": arguments.text,
            "region": attempt.visit.runtime.region,
            **attempt.terms(),
        }
        attempt.record("TaskScheduled", {**details, **self.identity})
        attempt.record("TaskStarted", self.identity)
        refused = attempt.refusal(self._service_name, self._action_name, arguments, self.denied)
        if refused is None:
            call()
        else:
            attempt.answer(refused)

    @property
    def denied(self) -> str:
        """The error of a call that the role may not make."""
        return "States.Permissions"

    async def finish(self, attempt: Attempt) -> Document:
        """The service's answer, or the token's output.

        A token may be sent back before the service has answered: the task is over then.

        Raises:
            StateFailure: it failed, or did not end in time.
        """
        news = await attempt.ending()
        if self.is_callback and self.submitted(attempt, news):
            news = await attempt.ending()
        return self.end(attempt, news)

    @abstractmethod
    def prepare(self, attempt: Attempt, arguments: Json) -> Any:
        """A callable that starts the call.

        Raises:
            RuntimeFailure: the arguments lack what the service needs.
        """

    def submitted(self, attempt: Attempt, news: Ending) -> bool:
        """Whether the news is that the service has taken the task on; that is recorded."""
        if not isinstance(news, Returned) or isinstance(news.outcome, StateFailure):
            return False
        attempt.record("TaskSubmitted", {"output": news.outcome.text, **self.identity})
        return True

    def end(self, attempt: Attempt, news: Ending) -> Document:
        """Record the end that the news are; the result.

        Raises:
            StateFailure: it is a failure.
        """
        outcome = news.outcome
        if isinstance(outcome, StateFailure):
            ending = self._failure_event(attempt, news)
            attempt.record(ending, {**outcome.reasons(), **self.identity})
            raise outcome
        attempt.record("TaskSucceeded", {"output": outcome.text, **self.identity})
        return outcome

    def _failure_event(self, attempt: Attempt, news: Ending) -> str:
        """Return AWS's name of a failure; a call that was never accepted failed to submit."""
        if isinstance(news, Expired):
            return "TaskTimedOut"
        is_submission = SUBMITTING.search(self.identity["resource"]) is not None
        is_refused = isinstance(news, Returned) and not attempt.visit.is_submitted
        return "TaskSubmitFailed" if is_submission and is_refused else "TaskFailed"


def missing(name: str) -> RuntimeFailure:
    """Return the failure of a call whose arguments lack a field."""
    return RuntimeFailure(
        "The Parameters could not be used to start the Task: "
        f"[The field '{name}' is required but was missing]"
    )


def metadata(status: int, headers: dict[str, str], request_id: str) -> dict[str, Any]:
    """Return the fields that optimized integrations add to an answer."""
    return {
        "SdkHttpMetadata": {
            "AllHttpHeaders": {name: [value] for name, value in headers.items()},
            "HttpHeaders": headers,
            "HttpStatusCode": status,
        },
        "SdkResponseMetadata": {"RequestId": request_id},
    }
