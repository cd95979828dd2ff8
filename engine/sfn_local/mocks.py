"""MockConfigFile.json: test cases in which services answer as written, and are not called.

An execution takes part by the name of its test case, `arn:…:stateMachine:orders#HappyPath`. Each
of its states counts its own calls: retries, loops and iterations of a Map draw from one list. A
Distributed Map that a case names reads what is returned, and writes no file (AWS's has no such).
A response is read when its state is entered: one that is empty, missing or not well formed fails
only that execution. Source: Step Functions Developer Guide, "Configuration file for mocked service
integrations"; counting and lazy reading as Step Functions Local 2.0.0 does them (localstack issue
12846, floci issues 3254 and 2523, floci pull request 2823).
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from sfn_local.document import Document, Json
from sfn_local.errors import RuntimeFailure, StateFailure
from sfn_local.words import meant

DEFAULT_FILE = "MockConfigFile.json"
STATES_TO_MOCKS = "names of states to mocked responses"
CALLS = re.compile(r"(\d{1,6})(?:-(\d{1,6}))?")

Answer = Document | StateFailure
Fields = dict[str, Json]


class MockError(ValueError):
    """A mock configuration is not well formed, or has not what is asked for."""


@dataclass(frozen=True, slots=True)
class Response:
    """One mocked response, for the calls from first to last."""

    first: int
    last: int
    answer: Answer


Responses = list[Response] | MockError
"""What a state is answered, or what is wrong with it."""


class Fault(NamedTuple):
    """What fails an execution that comes to it, and the names of the fields that lead to it."""

    place: tuple[str, ...]
    message: str


class MockCase:
    """A test case during one execution."""

    def __init__(
        self, name: str, responses: Mapping[str, tuple[str, Responses]], *, goes_on: bool = False
    ) -> None:
        """Responses, and their name, by the state that they are for; calls counts by state.

        A case that goes on has services called when its responses end.
        """
        self.name = name
        self.calls: dict[str, int] = {}
        self._responses = responses
        self._goes_on = goes_on

    @property
    def states(self) -> frozenset[str]:
        """The states whose services are not called."""
        return frozenset(self._responses)

    def next_answer(self, state: str) -> Answer | None:
        """Return the next answer of the state's service; None if the case does not mock the state.

        Raises:
            RuntimeFailure: the case has no answer to so late a call, or none that can be read.
        """
        if state not in self._responses:
            return None
        name, responses = self._responses[state]
        if isinstance(responses, MockError):
            raise RuntimeFailure(str(responses))
        call = self.calls.get(state, 0)
        self.calls[state] = call + 1
        for response in responses:
            if response.first <= call <= response.last:
                return response.answer
        if self._goes_on:
            return None
        raise RuntimeFailure(
            f"The mocked response {name} has no answer to call {call} (counted from 0) of the "
            f'state {state}; add one under "{call}"'
        )


class MockConfig:
    """The text of a MockConfigFile.json."""

    def __init__(self, text: str) -> None:
        """Read the text; what its cases answer is read when they run.

        Raises:
            MockError: it is not JSON, or has not the two objects; the message says where.
        """
        try:
            config = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise MockError(f"it is not JSON: {error}") from None
        self._machines = _objects(config, "StateMachines")
        self._responses = _objects(config, "MockedResponses")

    @classmethod
    def read(cls, path: Path) -> "MockConfig":
        """The configuration in a file.

        Raises:
            MockError: the file cannot be read, or is not well formed.
        """
        try:
            return cls(path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, MockError) as error:
            raise MockError(f"the mock configuration {path}: {error}") from None

    @property
    def machines(self) -> list[str]:
        """The machines that have test cases."""
        return list(self._machines)

    def cases(self, machine: str) -> list[str]:
        """The names of a machine's test cases; none for a machine that has none."""
        return list(self._cases_of(machine))

    def case(self, machine: str, case: str) -> MockCase:
        """A test case of a machine, as it is before its first call.

        Raises:
            MockError: there is none of this name, or it is not well formed.
        """
        if machine not in self._machines:
            known = _listed(self._machines)
            raise MockError(f"there are no test cases for the machine {machine}; only for {known}")
        cases = self._cases_of(machine)
        if case not in cases:
            known, close = _listed(cases), meant(case, cases)
            raise MockError(f"the machine {machine} has no test case {case}{close}; it has {known}")
        mocked = cases[case]
        if not isinstance(mocked, dict):
            raise MockError(f"the test case {machine}#{case} must be an object: {STATES_TO_MOCKS}")
        return MockCase(
            case, {state: (str(name), self._read(name)) for state, name in mocked.items()}
        )

    def faults(self) -> Iterator[Fault]:
        """What fails an execution that comes to it, or no execution can be started with."""
        for name in self._responses:
            read = self._read(name)
            if isinstance(read, MockError):
                yield Fault(("MockedResponses", name), str(read))
            elif not read:
                message = f"the mocked response {name} has no answer"
                yield Fault(("MockedResponses", name), message)
        for machine in self._machines:
            yield from self._faults_of(machine)

    def _faults_of(self, machine: str) -> Iterator[Fault]:
        place = ("StateMachines", machine)
        if not self._cases_of(machine):
            yield Fault(place, f"the machine {machine} has no TestCases")
        for case, mocked in self._cases_of(machine).items():
            where = (*place, "TestCases", case)
            if not isinstance(mocked, dict):
                yield Fault(where, f"the test case {machine}#{case} is no object")
                continue
            for state, name in mocked.items():
                if not isinstance(name, str) or name not in self._responses:
                    yield Fault((*where, state), str(self._read(name)))

    def _cases_of(self, machine: str) -> Fields:
        value = self._machines.get(machine)
        cases = value.get("TestCases") if isinstance(value, dict) else None
        return cases if isinstance(cases, dict) else {}

    def _read(self, name: Json) -> Responses:
        if not isinstance(name, str) or name not in self._responses:
            close = meant(name, self._responses) if isinstance(name, str) else ""
            return MockError(f"there is no mocked response {name!r}{close}")
        try:
            return _responses(self._responses[name], name)
        except MockError as error:
            return error


class ListedMocks(MockConfig):
    """Answers by state, one for each call, as a mock configuration of any one test case."""

    def __init__(self, answers: Mapping[str, list[Answer]], *, goes_on: bool = False) -> None:
        """Take the answers; if it goes on, tasks are called when these end."""
        super().__init__('{"StateMachines": {}, "MockedResponses": {}}')
        self._answers = answers
        self._goes_on = goes_on

    def case(self, machine: str, case: str) -> MockCase:
        """Return the answers, whatever the machine and the case are."""
        del machine
        responses = {
            state: (state, [Response(call, call, answer) for call, answer in enumerate(answers)])
            for state, answers in self._answers.items()
        }
        return MockCase(case, responses, goes_on=self._goes_on)


@dataclass(frozen=True, slots=True)
class MockFile:
    """A MockConfigFile.json that is read for every execution, so that it may be edited."""

    path: Path

    def case(self, machine: str, case: str) -> MockCase:
        """A test case of a machine.

        Raises:
            MockError: there is none of this name, or the file is not well formed.
        """
        return MockConfig.read(self.path).case(machine, case)


def _objects(holder: Json, field: str) -> Fields:
    value = holder.get(field) if isinstance(holder, dict) else None
    if not isinstance(value, dict):
        raise MockError(f"{field} must be there, and an object")
    return value


def _responses(value: Json, name: str) -> list[Response]:
    if not isinstance(value, dict):
        raise MockError(f'MockedResponses.{name} must be an object with answers under "0", "1-2" …')
    return [_response(calls, answer, f"MockedResponses.{name}") for calls, answer in value.items()]


def _response(calls: str, answer: Json, place: str) -> Response:
    found = CALLS.fullmatch(calls)
    first, last = (int(found[1]), int(found[2] or found[1])) if found else (1, 0)
    if first > last:
        raise MockError(f'{place} has the key "{calls}"; write "0" for a call, "1-2" for several')
    return Response(first, last, _answer(answer, f"{place}.{calls}"))


def _answer(answer: Json, place: str) -> Answer:
    if isinstance(answer, dict) and list(answer) == ["Return"]:
        return Document(answer["Return"])
    thrown = answer.get("Throw") if isinstance(answer, dict) and len(answer) == 1 else None
    if not isinstance(thrown, dict) or not isinstance(thrown.get("Error"), str):
        message = '{"Return": value} or {"Throw": {"Error": "…", "Cause": "…"}}'
        raise MockError(f"{place} must be {message}")
    cause = thrown.get("Cause")
    return StateFailure(thrown["Error"], None if cause is None else str(cause))


def _listed(names: dict[str, Json]) -> str:
    return ", ".join(names) or "none"
