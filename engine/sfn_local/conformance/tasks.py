"""The work of a case's tasks: activities, whose only worker this is.

Activities are the one kind of task that needs nothing but the API: the endpoint has not to be told
where functions are, and it works on AWS too.
"""

import json
import threading
from collections import deque
from typing import Any

from sfn_local.conformance.client import Api, Refused
from sfn_local.conformance.matching import differences

Json = Any
REASONS = ("error", "cause")


class Worker:
    """Answers the tasks of one activity, in their order."""

    def __init__(self, api: Api, name: str, arn: str, answers: list[dict[str, Json]]) -> None:
        """Answers are objects with `result`, `error` and `cause`, `echo` or `never`."""
        self.complaints: list[str] = []
        self._api = api
        self._name = name
        self._arn = arn
        self._answers = deque(answers)
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._work, name=name, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Take no further task; a poll that is under way is left alone."""
        self._is_over.set()

    def _work(self) -> None:
        while self._answers and not self._is_over.is_set():
            try:
                task = self._api.call(
                    "GetActivityTask", {"activityArn": self._arn, "workerName": "conform"}
                )
                if task.get("taskToken"):
                    self._answer(task, self._answers.popleft())
            except Refused as refused:
                self.complaints.append(f"the task {self._name}: {refused}")
                return
            except OSError as error:
                if not self._is_over.is_set():
                    self.complaints.append(f"the task {self._name}: {error!r}")
                return

    def _answer(self, task: dict[str, Json], answer: dict[str, Json]) -> None:
        given = json.loads(task.get("input") or "null")
        if "input" in answer:
            self.complaints += differences(answer["input"], given, f"the input of {self._name}")
        token = {"taskToken": task["taskToken"]}
        if "never" in answer:
            return
        if "error" in answer:
            reasons: dict[str, Json] = {name: answer[name] for name in REASONS if name in answer}
            self._api.call("SendTaskFailure", {**token, **reasons})
        else:
            result = given if "echo" in answer else answer.get("result")
            self._api.call("SendTaskSuccess", {**token, "output": json.dumps(result)})
