"""Activities, and what workers and callbacks report."""

from typing import Any

from sfn_local import names
from sfn_local.document import Document, complaint
from sfn_local.engine.core import Core
from sfn_local.engine.limits import check_reasons, check_size
from sfn_local.errors import InvalidOutput, StateFailure


class TaskApi(Core):
    """The operations on tasks."""

    def create_activity(
        self,
        name: str,
        tags: dict[str, str] | None = None,
        encryption: dict[str, Any] | None = None,
    ) -> dict[str, Any]:
        """Create an activity, unless it exists; its ARN and when it was created.

        Raises:
            InvalidName: the name is not one.
            ActivityAlreadyExists: the name is taken by one with another encryption.
            TooManyTags: there are more than 50.
        """
        names.check_name(name)
        arn = names.activity_arn(self.region, self.account, name)
        with self._lock:
            activity = self._runtime.activities.create(arn, self.clock.time(), encryption)
            self._tags.add(arn, tags or {})
            return activity.summary()

    def describe_activity(self, arn: str) -> dict[str, Any]:
        """The answer of DescribeActivity.

        Raises:
            ActivityDoesNotExist: there is no such activity.
        """
        names.check_arn(names.ACTIVITY_ARN, arn)
        with self._lock:
            return self._runtime.activities.find(arn).describe()

    def list_activities(self) -> list[dict[str, Any]]:
        """The entries of ListActivities, by name."""
        with self._lock:
            return [activity.summary() for activity in self._runtime.activities.all()]

    def delete_activity(self, arn: str) -> None:
        """Forget an activity, if it exists."""
        names.check_arn(names.ACTIVITY_ARN, arn)
        with self._lock:
            self._runtime.activities.delete(arn)
            self._save()

    def get_activity_task(
        self, arn: str, worker: str | None = None, seconds: float = 0.0
    ) -> dict[str, str]:
        """A task for a worker, its token and its input; empty if none comes within real seconds.

        Raises:
            ActivityDoesNotExist: there is no such activity.
        """
        names.check_arn(names.ACTIVITY_ARN, arn)
        with self._lock:
            task = self._runtime.activities.take(arn, seconds)
            return {} if task is None else task.take(worker)

    def send_task_success(self, token: str, output: str) -> None:
        """End the task that waits with the token; its output is a JSON text.

        Raises:
            InvalidOutput: the output is not JSON.
            InvalidToken: the text is not a token.
            TaskDoesNotExist: it was never handed out here.
            TaskTimedOut: its task is over.
            ValidationException: the output is too large.
        """
        with self._lock:
            task = self._runtime.tokens.find(token)
            try:
                document = Document.parse(output)
            except ValueError as error:
                raise InvalidOutput(complaint(output, error)) from None
            check_size(output, "output")
            task.report(document)

    def send_task_failure(
        self, token: str, error: str | None = None, cause: str | None = None
    ) -> None:
        """Fail the task that waits with the token.

        Raises:
            InvalidToken: the text is not a token.
            TaskDoesNotExist: it was never handed out here.
            TaskTimedOut: its task is over.
            ValidationException: the error or the cause is too long.
        """
        check_reasons(error, cause)
        with self._lock:
            self._runtime.tokens.find(token).report(StateFailure(error, cause))

    def machine_of(self, token: str) -> str | None:
        """Return the ARN of the state machine whose task waits with the token, if one does."""
        with self._lock:
            return self._runtime.tokens.machine_of(token)

    def send_task_heartbeat(self, token: str) -> None:
        """Show that the task that waits with the token is alive.

        Raises:
            InvalidToken: the text is not a token.
            TaskDoesNotExist: it was never handed out here.
            TaskTimedOut: its task is over.
        """
        with self._lock:
            self._runtime.tokens.find(token).beat()
