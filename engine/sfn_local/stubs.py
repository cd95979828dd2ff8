"""Stand-ins for the functions of a machine, by the name of the state that calls them."""

import json
from collections.abc import Mapping, Set
from typing import Any

from sfn_local.calls.functions import Done, FunctionError, function_name
from sfn_local.document import Json
from sfn_local.language.catalogue import CALLBACK

FUNCTION_ARN = "arn:aws:lambda:us-east-1:000000000000:function:{}"
INVOKE = "arn:aws:states:::lambda:invoke"


class Never:
    """The stub of a function that does not return."""


NEVER = Never()

Stub = Any  # a value, an exception, a callable of the payload, NEVER, or a list of these


class StubFunctions:
    """Answers for the functions of a definition that by_state() has prepared.

    A value is what the function returns; an exception (instance or class) what it raises; a
    callable is called with the payload, and its value or exception counts; NEVER does not
    return; a list has one of these for each call. Complaints are what was called but not
    expected, and payloads what each state was called with.
    """

    def __init__(self, stubs: Mapping[str, Stub]) -> None:
        """Stubs by the name of the state."""
        self._stubs = dict(stubs)
        self.payloads: dict[str, list[Json]] = {}
        self.complaints: list[str] = []

    def submit(self, function: str, payload: bytes, done: Done) -> None:
        """Answer a call now, or never."""
        state = function_name(function)
        given = json.loads(payload)
        self.payloads.setdefault(state, []).append(given)
        try:
            answer = self._answer(state, given)
        except FunctionError as error:
            done(error)
        except Exception as error:
            done(FunctionError.of(error))
        else:
            if not isinstance(answer, Never):
                done(json.dumps(answer).encode())

    def _answer(self, state: str, given: Json) -> Json:
        if state not in self._stubs:
            raise self._complain(f"the state {state} was called and has no stub")
        stub = self._stubs[state]
        if isinstance(stub, list):
            stub = self._next_of(state, stub)
        if isinstance(stub, BaseException) or _is_exception_class(stub):
            raise stub
        return stub(given) if callable(stub) else stub

    def _next_of(self, state: str, stubs: list[Stub]) -> Stub:
        calls = len(self.payloads[state])
        if calls > len(stubs):
            message = f"the state {state} was called {calls} times and has {len(stubs)} stubs"
            raise self._complain(message)
        return stubs[calls - 1]

    def _complain(self, message: str) -> FunctionError:
        self.complaints.append(message)
        return FunctionError("NoStub", json.dumps({"errorType": "NoStub", "errorMessage": message}))


def by_state(definition: Json, kept: Set[str] = frozenset()) -> Json:
    """A copy of a definition in which each task calls a function named as its state.

    One that waits for its token still does. Kept are the states that stay as they are.
    """
    if isinstance(definition, list):
        return [by_state(item, kept) for item in definition]
    if not isinstance(definition, dict):
        return definition
    copy = {name: by_state(value, kept) for name, value in definition.items()}
    states = copy.get("States")
    if isinstance(states, dict):
        copy["States"] = {
            name: state if name in kept else _redirect(name, state)
            for name, state in states.items()
        }
    return copy


def parse_stubs(text: str) -> dict[str, Stub]:
    """Stubs from a JSON object of answers by state.

    An answer is a value, `{"Return": value}`, or `{"Throw": {"Error": …, "Cause": …}}`; a list
    has one for each call.

    Raises:
        ValueError: the text is no such object.
    """
    value = json.loads(text)
    if not isinstance(value, dict):
        raise ValueError("stubs are a JSON object: the name of a state to its answer")
    return {
        state: [_parse(item) for item in stub] if isinstance(stub, list) else _parse(stub)
        for state, stub in value.items()
    }


def thrown(answer: Json) -> tuple[str, str] | None:
    """Return the error and the cause of `{"Throw": …}`; None for any other answer.

    Raises:
        ValueError: what is thrown has other fields, or an Error or Cause that is not a text.
    """
    if not isinstance(answer, dict) or list(answer) != ["Throw"]:
        return None
    given = answer["Throw"]
    if not isinstance(given, dict) or given.keys() - {"Error", "Cause"}:
        raise ValueError('Throw takes {"Error": "…", "Cause": "…"}')
    error, cause = given.get("Error", "Error"), given.get("Cause", "")
    if not isinstance(error, str) or not isinstance(cause, str):
        raise ValueError("the Error and the Cause of Throw are texts")
    return error, cause


def state_names(definition: Json) -> set[str]:
    """Return the names of a definition's states, with those in branches and processors."""
    if isinstance(definition, list):
        return set().union(*map(state_names, definition))
    if not isinstance(definition, dict):
        return set()
    states = definition.get("States")
    names = set(states) if isinstance(states, dict) else set()
    return names.union(*map(state_names, definition.values()))


def _parse(answer: Json) -> Stub:
    if isinstance(answer, dict) and list(answer) == ["Return"]:
        return lambda _: answer["Return"]
    failure = thrown(answer)
    return answer if failure is None else FunctionError(*failure)


def _redirect(name: str, state: Json) -> Json:
    if not isinstance(state, dict) or state.get("Type") != "Task":
        return state
    resource = str(state.get("Resource", ""))
    holder = "Arguments" if "Arguments" in state else "Parameters"
    parameters = state.get(holder)
    if not resource.startswith(INVOKE):
        if not resource.endswith(CALLBACK):
            return {**state, "Resource": FUNCTION_ARN.format(name)}
        call = {"FunctionName": name, "Payload": parameters}
        return {**state, "Resource": f"{INVOKE}{CALLBACK}", holder: call}
    if not isinstance(parameters, dict):
        return state
    kept = {field: value for field, value in parameters.items() if field != "FunctionName.$"}
    return {**state, holder: {**kept, "FunctionName": name}}


def _is_exception_class(stub: Stub) -> bool:
    return isinstance(stub, type) and issubclass(stub, BaseException)
