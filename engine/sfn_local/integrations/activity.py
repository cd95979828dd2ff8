"""A Resource that is an activity's ARN: the task waits until a worker takes it and reports."""

from sfn_local.document import Document
from sfn_local.errors import ActivityDoesNotExist, RuntimeFailure
from sfn_local.integrations.attempt import Attempt, Taken


class ActivityTask:
    """A task for a worker of an activity."""

    is_callback = has_token = True

    def __init__(self, arn: str) -> None:
        """The activity, which need not exist yet."""
        self._arn = arn

    def start(self, attempt: Attempt, arguments: Document) -> None:
        """Offer the task to workers.

        Raises:
            RuntimeFailure: there is no such activity.
        """
        attempt.offer(arguments)
        try:
            attempt.visit.runtime.activities.schedule(self._arn, attempt)
        except ActivityDoesNotExist:
            raise RuntimeFailure(f"The activity {self._arn} does not exist.") from None
        details = {"input": arguments.text, "resource": self._arn, **attempt.terms()}
        attempt.record("ActivityScheduled", details)

    async def finish(self, attempt: Attempt) -> Document:
        """Wait for the worker's report.

        Raises:
            StateFailure: it reports a failure, or nothing in time.
        """
        news = await attempt.news()
        while isinstance(news, Taken):
            worker = {} if news.worker is None else {"workerName": news.worker}
            attempt.record("ActivityStarted", worker)
            news = await attempt.news()
        return attempt.conclude(news, "Activity")
