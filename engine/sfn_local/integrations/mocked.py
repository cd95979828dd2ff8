"""A service whose answer a test case knows: it is not called."""

import re

from sfn_local.document import Document
from sfn_local.errors import ResultTooLarge, StateFailure
from sfn_local.integrations.attempt import Attempt
from sfn_local.integrations.service_task import SUBMITTING
from sfn_local.language.catalogue import CALLBACK

OPTIMIZED = re.compile(r"arn:[^:]+:states:[^:]*:[^:]*:(?!activity:)([^:]+):(.+)")
ACTIVITY = re.compile(r"arn:[^:]+:states:[^:]*:[^:]*:activity:.+")
INVOKED = {"StatusCode", "Payload"}


class MockedTask:
    """An integration with its answer; the events are those of Step Functions Local.

    They differ from AWS's where a mock is used: the resource of `aws-sdk:*` has the service's name
    in it, and a failure names none. AWS's own samples assert the former. An activity has a mock,
    too, which Step Functions Local refuses (aws-stepfunctions-examples issue 69).
    """

    def __init__(self, resource: str, answer: Document | StateFailure) -> None:
        """The answer is the task's result, or its failure."""
        self._resource = resource
        self._answer = answer
        found = OPTIMIZED.fullmatch(resource)
        self._identity = {"resourceType": found[1], "resource": found[2]} if found else None
        is_activity = ACTIVITY.fullmatch(resource) is not None
        self._kind = "Task" if found else "Activity" if is_activity else "LambdaFunction"
        self.is_callback = is_activity or resource.endswith(CALLBACK)
        self.has_token = is_activity or SUBMITTING.search(resource) is not None

    def start(self, attempt: Attempt, arguments: Document) -> None:
        """Record that the service is called."""
        terms = attempt.terms()
        if self._identity is None:
            details = {"input": arguments.text, "resource": self._resource, **terms}
            attempt.record(f"{self._kind}Scheduled", details)
            attempt.record(f"{self._kind}Started")
            return
        details = {
            "parameters": arguments.text,
            "region": attempt.visit.runtime.region,
            **terms,
            **self._identity,
        }
        attempt.record("TaskScheduled", details)
        attempt.record("TaskStarted", self._identity)

    async def finish(self, attempt: Attempt) -> Document:
        """The answer.

        Raises:
            StateFailure: it is a failure.
        """
        identity = self._identity or {}
        what = self._kind
        answer = self._answer
        if isinstance(answer, Document) and answer.is_too_large:
            answer = ResultTooLarge(attempt.visit.state.name)
        if isinstance(answer, StateFailure):
            ending = "TimedOut" if answer.error == "States.Timeout" else "Failed"
            reasons = {"error": answer.error, "cause": answer.cause}
            given = {name: text for name, text in reasons.items() if text is not None}
            attempt.record(f"{what}{ending}", given)
            raise StateFailure(answer.error, answer.cause)
        if what == "LambdaFunction":
            answer = _payload(answer)
        if SUBMITTING.search(self._resource):
            attempt.record("TaskSubmitted", {"output": answer.text, **identity})
        attempt.record(f"{what}Succeeded", {"output": answer.text, **identity})
        return answer


def _payload(answer: Document) -> Document:
    """Return the result of a function called by its ARN, from a mocked answer of the Invoke API."""
    value = answer.value
    is_response = isinstance(value, dict) and value.keys() >= INVOKED
    return Document(value["Payload"]) if is_response else answer
