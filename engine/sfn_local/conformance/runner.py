"""Runs cases against an endpoint."""

import json
import re
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from sfn_local.conformance.cases import Case
from sfn_local.conformance.client import Api, Refused
from sfn_local.conformance.matching import differences
from sfn_local.conformance.tasks import Worker

Json = Any

PATIENCE_SECONDS = 20.0
POLL_SECONDS = 0.02
ANY_ACCOUNT = "123456789012"
OF_TASKS = ("Task", "Activity", "LambdaFunction")
TASK_STATE = "TaskState"
VARIABLE = re.compile(r"\$\{([\w:-]+)\}")
SINGLE = "it"
MAKERS = {  # what removes what they make, and the name of its ARN
    "CreateStateMachine": ("DeleteStateMachine", "stateMachineArn"),
    "CreateActivity": ("DeleteActivity", "activityArn"),
    "StartExecution": ("StopExecution", "executionArn"),
}


@dataclass(frozen=True, slots=True)
class Result:
    """The result of a case; it passed if it has no complaints."""

    case: Case
    complaints: tuple[str, ...]
    seconds: float

    @property
    def has_passed(self) -> bool:
        """Whether the endpoint does what the case claims."""
        return not self.complaints


class CaseFailed(Exception):  # noqa: N818 - a verdict
    """A case cannot go on, because an expected answer did not come."""


def run_all(api: Api, cases: Iterable[Case], jobs: int) -> Iterator[Result]:
    """The results, in the order of the cases; so many run beside each other."""
    account = find_account(api)
    with ThreadPoolExecutor(jobs) as pool:
        yield from pool.map(lambda case: run(api, case, account), cases)


def find_account(api: Api) -> str:
    """The account of an endpoint: roles of another one would lead its tasks elsewhere."""
    try:
        arn = api.call("CreateActivity", {"name": f"conform-{uuid.uuid4().hex}"})["activityArn"]
        api.call("DeleteActivity", {"activityArn": arn})
    except (Refused, OSError, LookupError):
        return ANY_ACCOUNT
    return str(arn).split(":")[4]


def run(api: Api, case: Case, account: str = ANY_ACCOUNT) -> Result:
    """Run one case; account is the endpoint's."""
    begun = time.monotonic()
    attempt = _Attempt(api, case)
    attempt.variables |= {"account": account, "role": f"arn:aws:iam::{account}:role/conform"}
    try:
        attempt.run()
    except CaseFailed as failed:
        attempt.complaints.append(str(failed))
    except Refused as refused:
        attempt.complaints.append(f"refused: {refused}")
    except OSError as error:
        attempt.complaints.append(f"no answer: {error!r}")
    except (LookupError, TypeError, ValueError) as error:
        attempt.complaints.append(f"an answer lacks something: {error!r}")
    finally:
        attempt.clean_up()
    return Result(case, tuple(attempt.complaints), time.monotonic() - begun)


@dataclass
class _Attempt:
    """A case that runs; variables are what its steps have saved."""

    api: Api
    case: Case
    complaints: list[str] = field(default_factory=list)
    variables: dict[str, str] = field(default_factory=dict)
    _workers: list[Worker] = field(default_factory=list)
    _clean_up: list[tuple[str, dict[str, Json]]] = field(default_factory=list)

    def run(self) -> None:
        self.variables["unique"] = uuid.uuid4().hex[:12]
        for name, answers in self.case.content.get("tasks", {}).items():
            self._make_worker(name, answers)
        for step in _steps(self.case.content):
            self._step(step)
        for worker in self._workers:
            self.complaints += worker.complaints

    def clean_up(self) -> None:
        """Stop and delete what was made; nobody minds if that fails."""
        for worker in self._workers:
            worker.stop()
        for operation, parameters in reversed(self._clean_up):
            try:
                self.api.call(operation, parameters)
            except (Refused, OSError):
                continue

    def _make_worker(self, name: str, answers: list[dict[str, Json]]) -> None:
        given = {"name": f"conform-{self.variables['unique']}-{name}"}
        arn = self._made("CreateActivity", self.api.call("CreateActivity", given))["activityArn"]
        self.variables[f"task:{name}"] = arn
        if answers:
            self._workers.append(Worker(self.api, name, arn, answers))

    def _step(self, step: dict[str, Json]) -> None:
        kind = next(name for name in STEPS if name in step)
        STEPS[kind](self, step)

    def _call(self, step: dict[str, Json]) -> None:
        given = self._filled(step.get("with", {}))
        answer = self._ask(step["call"], given, step)
        if answer is None:
            return
        for name, path in step.get("save", {}).items():
            self.variables[name] = str(_find(answer, path))
        self.complaints += differences(self._filled(step.get("expect", {})), answer, has=True)

    def _ask(self, operation: str, given: Json, step: dict[str, Json]) -> dict[str, Json] | None:
        """The answer; None where the call is refused, as it should be."""
        refused = step.get("refused")
        codes = [refused] if isinstance(refused, str) else refused
        try:
            answer = self._made(operation, self.api.call(operation, given))
        except Refused as error:
            if codes is None:
                raise CaseFailed(f"{operation} is refused: {error}") from None
            if error.code not in codes:
                self.complaints.append(f"{operation} is refused as {error}, not as {codes}")
            if "says" in step:
                says = self._filled(step["says"])
                self.complaints += differences(says, error.message, "the message")
            return None
        if codes is not None:
            raise CaseFailed(f"{operation} is not refused, as it should be with {codes}")
        return answer

    def _made(self, operation: str, answer: dict[str, Json]) -> dict[str, Json]:
        """Call an operation and return its answer; resources that it makes will be removed."""
        if operation in MAKERS:
            remover, name = MAKERS[operation]
            self._clean_up.append((remover, {name: answer[name]}))
        return answer

    def _machine(self, step: dict[str, Json]) -> None:
        name = step.get("as", "machine")
        given = {
            "name": f"conform-{self.variables['unique']}-{name}",
            "definition": json.dumps(self._filled(step["machine"])),
            "roleArn": self.variables["role"],
            **self._filled(step.get("with", {})),
        }
        answer = self._ask("CreateStateMachine", given, step)
        if answer is not None:
            self.variables[name] = answer["stateMachineArn"]

    def _started(
        self, operation: str, machine: str, step: dict[str, Json]
    ) -> dict[str, Json] | None:
        """The answer of an operation that starts an execution; None where it is refused."""
        given = {
            "stateMachineArn": self.variables[machine],
            "input": json.dumps(self._filled(step.get("input", {}))),
            **self._filled(step.get("with", {})),
        }
        return self._ask(operation, given, step)

    def _start(self, step: dict[str, Json]) -> None:
        answer = self._started("StartExecution", step["start"], step)
        if answer is not None:
            self.variables[step.get("as", "execution")] = answer["executionArn"]

    def _start_sync(self, step: dict[str, Json]) -> None:
        answer = self._started("StartSyncExecution", step["sync"], step)
        if answer is not None:
            self._compare(step, answer)

    def _await(self, step: dict[str, Json]) -> None:
        arn = {"executionArn": self.variables[step["await"]]}
        described = self._poll(
            lambda: self.api.call("DescribeExecution", arn),
            lambda answer: answer.get("status") != "RUNNING",
            f"the execution still runs after {PATIENCE_SECONDS:.0f} seconds",
        )
        self._compare(step, described)
        if "events" in step or "path" in step or "history" in step:
            events = self.api.call("GetExecutionHistory", {**arn, "maxResults": 1000})["events"]
            self._compare_events(step, events)

    def _compare(self, step: dict[str, Json], described: dict[str, Json]) -> None:
        for name in ("status", "error", "cause"):
            if name in step:
                expected = self._filled(step[name])
                self.complaints += differences(expected, described.get(name), name)
        if "output" in step:
            text = described.get("output")
            if text is None:
                self.complaints.append(f"there is no output: {_shown(described)}")
            else:
                expected = self._filled(step["output"])
                self.complaints += differences(expected, json.loads(text), "output")

    def _compare_events(self, step: dict[str, Json], events: list[dict[str, Json]]) -> None:
        if "path" in step:
            entered = (event.get("stateEnteredEventDetails") for event in events)
            path = [details["name"] for details in entered if details]
            self.complaints += differences(step["path"], path, "path")
        if "events" in step:
            types = [event["type"] for event in events if not _is_of_task(event["type"])]
            self.complaints += differences(step["events"], types, "events")
        if "history" in step:
            self.complaints += differences(
                self._filled(step["history"]), events, "history", has=True
            )

    def _take(self, step: dict[str, Json]) -> None:
        given = {"activityArn": self.variables[f"task:{step['take']}"], "workerName": "conform"}
        task = self.api.call("GetActivityTask", given)
        if not task.get("taskToken"):
            raise CaseFailed(f"there is no task for {step['take']}")
        self.variables[step.get("as", "token")] = task["taskToken"]
        if "input" in step:
            self.complaints += differences(step["input"], json.loads(task["input"]), "input")

    def _token(self, step: dict[str, Json]) -> None:
        """The token that an execution of a machine was started with."""
        machine = {"stateMachineArn": self.variables[step["token_of"]]}
        listed = self._poll(
            lambda: self.api.call("ListExecutions", machine),
            lambda answer: bool(answer.get("executions")),
            f"no execution of {step['token_of']} was started",
        )
        arn = {"executionArn": listed["executions"][0]["executionArn"]}
        given = json.loads(self.api.call("DescribeExecution", arn)["input"])
        self.variables[step.get("as", "token")] = given["token"]

    def _sleep(self, step: dict[str, Json]) -> None:
        threading.Event().wait(step["sleep"])

    def _poll(
        self,
        ask: Callable[[], dict[str, Json]],
        is_done: Callable[[dict[str, Json]], bool],
        complaint: str,
    ) -> dict[str, Json]:
        end = time.monotonic() + PATIENCE_SECONDS
        pause = threading.Event()
        while not is_done(answer := ask()):
            if time.monotonic() > end:
                raise CaseFailed(complaint)
            pause.wait(POLL_SECONDS)
        return answer

    def _filled(self, value: Json) -> Json:
        """A value with `${name}` replaced by what was saved under the name."""
        if isinstance(value, str):
            return VARIABLE.sub(lambda found: self.variables.get(found[1], found[0]), value)
        if isinstance(value, list):
            return [self._filled(item) for item in value]
        if isinstance(value, dict):
            return {self._filled(name): self._filled(item) for name, item in value.items()}
        return value


Step = Callable[[_Attempt, dict[str, Json]], None]
STEPS: dict[str, Step] = {
    "call": _Attempt._call,
    "machine": _Attempt._machine,
    "start": _Attempt._start,
    "sync": _Attempt._start_sync,
    "await": _Attempt._await,
    "take": _Attempt._take,
    "token_of": _Attempt._token,
    "sleep": _Attempt._sleep,
}


def _steps(content: dict[str, Json]) -> list[dict[str, Json]]:
    """The steps of a case; most run one machine once, or see that it is refused."""
    if "steps" in content:
        steps: list[dict[str, Json]] = content["steps"]
        return steps
    definition = content.get("definition") or _of_state(content["state"])
    kind = {"with": {"type": "EXPRESS"}} if content.get("type") == "EXPRESS" else {}
    create = {"machine": definition, **kind}
    expected = content["expect"]
    if "refused" in expected:
        return [{**create, **expected}]
    given = {"input": content.get("input", {})}
    if kind:
        return [create, {"sync": "machine", **given, **expected}]
    return [create, {"start": "machine", **given}, {"await": "execution", **expected}]


def _of_state(state: dict[str, Json]) -> dict[str, Json]:
    ends = (
        {} if state["Type"] in ("Choice", "Succeed", "Fail") or "Next" in state else {"End": True}
    )
    others = {name: {"Type": "Succeed"} for name in ("yes", "no", "caught")}
    text = json.dumps(state)
    named = {name: other for name, other in others.items() if f'"{name}"' in text}
    return {"StartAt": SINGLE, "States": {SINGLE: {**state, **ends}, **named}}


def _find(answer: Json, path: str) -> Json:
    for part in path.split("."):
        answer = answer[int(part)] if part.isdigit() else answer[part]
    return answer


def _is_of_task(event: str) -> bool:
    return event.startswith(OF_TASKS) and not event.startswith(TASK_STATE)


def _shown(described: dict[str, Json]) -> str:
    named = {name: described.get(name) for name in ("status", "error", "cause")}
    return json.dumps(named)[:400]
