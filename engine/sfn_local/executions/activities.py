"""Activities: tasks that wait for a worker to ask for them.

Source: Step Functions Developer Guide, "Activities in Step Functions".
"""

import threading
from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sfn_local.errors import ActivityAlreadyExists, ActivityDoesNotExist
from sfn_local.executions.settings import OWN_KEY, check_encryption
from sfn_local.executions.tokens import OpenTask


@dataclass(slots=True)
class Activity:
    """An activity, and the tasks that nobody has taken yet."""

    arn: str
    created: float
    encryption: dict[str, Any]
    waiting: deque[OpenTask] = field(default_factory=deque)

    def summary(self) -> dict[str, Any]:
        """Its entry in the answer of ListActivities."""
        return {
            "activityArn": self.arn,
            "name": self.arn.rpartition(":")[2],
            "creationDate": datetime.fromtimestamp(self.created, UTC),
        }

    def describe(self) -> dict[str, Any]:
        """The answer of DescribeActivity."""
        return {**self.summary(), "encryptionConfiguration": self.encryption}


class Activities:
    """All activities of an engine; its lock guards them."""

    def __init__(self, lock: threading.RLock) -> None:
        """None yet."""
        self._activities: dict[str, Activity] = {}
        self._arrival = threading.Condition(lock)

    def create(self, arn: str, moment: float, encryption: dict[str, Any] | None = None) -> Activity:
        """An activity of this ARN, the one that exists or a new one. Needs the lock.

        Raises:
            ActivityAlreadyExists: there is one with another encryption.
        """
        wanted = OWN_KEY if encryption is None else encryption
        check_encryption(wanted)
        activity = self._activities.setdefault(arn, Activity(arn, moment, wanted))
        if activity.encryption != wanted:
            raise ActivityAlreadyExists(arn)
        return activity

    def delete(self, arn: str) -> None:
        """Forget an activity, if it exists. Needs the lock."""
        self._activities.pop(arn, None)

    def find(self, arn: str) -> Activity:
        """The activity of this ARN. Needs the lock.

        Raises:
            ActivityDoesNotExist: there is none.
        """
        try:
            return self._activities[arn]
        except KeyError:
            raise ActivityDoesNotExist(arn) from None

    def all(self) -> list[Activity]:
        """All, by name. Needs the lock."""
        return sorted(self._activities.values(), key=lambda activity: activity.arn)

    def schedule(self, arn: str, task: OpenTask) -> None:
        """Let a task wait for a worker. Needs the lock.

        Raises:
            ActivityDoesNotExist: there is no such activity.
        """
        self.find(arn).waiting.append(task)
        self._arrival.notify_all()

    def take(self, arn: str, seconds: float) -> OpenTask | None:
        """The task that has waited longest, or after so many seconds none. Needs the lock.

        Raises:
            ActivityDoesNotExist: there is no such activity.
        """
        activity = self.find(arn)
        self._arrival.wait_for(lambda: _first(activity) is not None, seconds)
        first = _first(activity)
        return None if first is None else activity.waiting.popleft()


def _first(activity: Activity) -> OpenTask | None:
    """The first task that is not over."""
    while activity.waiting and activity.waiting[0].is_over:
        activity.waiting.popleft()
    return activity.waiting[0] if activity.waiting else None
