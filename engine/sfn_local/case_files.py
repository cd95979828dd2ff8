"""Test cases of a machine in a YAML or JSON file: what it is given, and how it should end."""

import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from sfn_local import Engine
from sfn_local.conformance.matching import differences
from sfn_local.document import Document, Json
from sfn_local.errors import ApiError, StateFailure
from sfn_local.executions.runtime import Way
from sfn_local.mocks import Answer, ListedMocks, MockConfig, MockError
from sfn_local.rehearsal import rehearse
from sfn_local.stubs import StubFunctions, parse_stubs, state_names, thrown
from sfn_local.trace import path_of
from sfn_local.words import unknown

SUFFIXES = (".yaml", ".yml", ".json")
FIELDS = ("name", "input", "stubs", "mocks", "case", "expect")
EXPECTED = ("status", "output", "error", "cause", "path", "seconds", "payloads")
OF_FILE = ("machine", "mockConfig", "cases")
CASE = "case"


class CaseFileError(ValueError):
    """A file of cases is not well formed."""


class _Loader(yaml.SafeLoader):
    """YAML as JSON: a date is the text that it looks like."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in listed if not tag.endswith("timestamp")]
    for first, listed in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


@dataclass(frozen=True, slots=True)
class FileCase:
    """One case of a file."""

    file: Path
    name: str
    machine: Path
    content: Mapping[str, Json]
    mock_config: Path | None = None


@dataclass(frozen=True, slots=True)
class CaseResult:
    """How a case ended, and what is not as expected."""

    case: FileCase
    status: str
    error: str | None
    seconds: float
    complaints: tuple[str, ...]
    ways: frozenset[Way]


def is_case_file(path: str) -> bool:
    """Return whether a file has cases, and is not a definition."""
    file = Path(path)
    if not file.is_file() or file.suffix not in SUFFIXES:
        return False
    if file.suffix != ".json":
        return True
    try:
        value = json.loads(file.read_text("utf-8"))
    except ValueError:
        return False
    return isinstance(value, dict) and "cases" in value and "States" not in value


def read_cases(path: str) -> list[FileCase]:
    """Return the cases of a file.

    Raises:
        CaseFileError: it has none, or one that is not well formed.
    """
    file = Path(path)
    try:
        value = _Loader(file.read_text("utf-8")).get_single_data()
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise CaseFileError(f"{path} cannot be read: {error}") from None
    if not isinstance(value, dict) or not isinstance(value.get("cases"), list):
        raise CaseFileError(f"{path} has no list of cases")
    _check(f"{path}", value, OF_FILE)
    machine = _machine(file, value.get("machine"))
    config = value.get("mockConfig")
    config = None if config is None else file.parent / str(config)
    return list(_cases(file, machine, config, value["cases"]))


def _cases(
    file: Path, machine: Path, config: Path | None, listed: list[Json]
) -> Iterator[FileCase]:
    names: set[str] = set()
    for number, case in enumerate(listed, 1):
        if not isinstance(case, dict):
            raise CaseFileError(f"{file}: case {number} must be an object")
        name = str(case.get("name", f"case {number}"))
        if name in names:
            raise CaseFileError(f"{file}: two cases have the name {name}")
        names.add(name)
        _check(f"{file}: {name}", case, FIELDS)
        _check(f"{file}: {name}: expect", case.get("expect", {}), EXPECTED)
        yield FileCase(file, name, machine, case, config)


def _check(where: str, value: Json, known: tuple[str, ...]) -> None:
    if not isinstance(value, dict):
        raise CaseFileError(f"{where} must be an object")
    unknown = [name for name in value if name not in known]
    if unknown:
        raise CaseFileError(f"{where} has no {unknown[0]}; it may have {', '.join(known)}")


def _machine(file: Path, named: Json) -> Path:
    """Return the definition of a file: the one that it names, or the one of its own name."""
    stem = file.name.removesuffix(file.suffix).removesuffix(".test").removesuffix(".cases")
    machine = file.parent / (str(named) if named else f"{stem}.asl.json")
    if not machine.is_file():
        raise CaseFileError(f"{file}: there is no definition {machine}; name it as machine")
    return machine


def load_definition(path: Path) -> Json:
    """Return the definition in a file.

    Raises:
        CaseFileError: it cannot be read.
    """
    try:
        return json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise CaseFileError(f"{path} cannot be read: {error}") from None


def run_case(case: FileCase) -> CaseResult:
    """Run a case under a virtual clock.

    Raises:
        CaseFileError: the case, or the definition, cannot be run.
    """
    began = time.monotonic()
    try:
        definition = load_definition(case.machine)
        _check_states(case, definition)
        functions = StubFunctions(parse_stubs(json.dumps(case.content.get("stubs", {}))))
        ways: set[Way] = set()
        text = json.dumps(case.content.get("input", {}))
        engine, arn = rehearse(
            _name_of(case.machine), definition, text, functions, *_mocks_of(case), ways
        )
    except (ApiError, MockError, ValueError) as error:
        raise CaseFileError(f"{case.file}: {case.name}: {error}") from None
    if _may_wait(case):
        engine.run_until_waiting()
    else:
        engine.run_until(arn)
    described = engine.describe_execution(arn)
    found = _found(engine, arn, described, functions)
    complaints = [*dict.fromkeys(functions.complaints), *_differences(case, found)]
    return CaseResult(
        case,
        described["status"],
        described.get("error"),
        time.monotonic() - began,
        tuple(complaints),
        frozenset(ways),
    )


def _check_states(case: FileCase, definition: Json) -> None:
    """Refuse answers for a state that the machine does not have."""
    known = state_names(definition)
    for field in ("stubs", "mocks"):
        given = case.content.get(field)
        for state in given if isinstance(given, dict) else ():
            if state not in known:
                raise CaseFileError(f"{field}: {unknown('state', state, known)}")


def _may_wait(case: FileCase) -> bool:
    expected = case.content.get("expect", {})
    return isinstance(expected, dict) and expected.get("status") == "RUNNING"


def _name_of(machine: Path) -> str:
    return machine.name.removesuffix(".json").removesuffix(".asl")


def _mocks_of(case: FileCase) -> tuple[MockConfig | None, str | None]:
    """Return the mocks of a case, and the test case that they are."""
    given, named = case.content.get("mocks"), case.content.get("case")
    if named is not None:
        path = case.mock_config or case.machine.parent / "MockConfigFile.json"
        return MockConfig.read(path), str(named)
    if given is None:
        return None, None
    if not isinstance(given, dict):
        raise CaseFileError("mocks are an object: the name of a state to its results")
    return ListedMocks({state: _answers(value) for state, value in given.items()}), CASE


def _answers(value: Json) -> list[Answer]:
    return [_answer(each) for each in (value if isinstance(value, list) else [value])]


def _answer(value: Json) -> Answer:
    failure = thrown(value)
    if failure is not None:
        return StateFailure(*failure)
    if isinstance(value, dict) and list(value) == ["Return"]:
        return Document(value["Return"])
    return Document(value)


def _found(
    engine: Engine, arn: str, described: dict[str, Any], functions: StubFunctions
) -> dict[str, Json]:
    events = engine.history(arn)
    found: dict[str, Json] = {
        name: described[name] for name in ("status", "error", "cause") if name in described
    }
    if described.get("output") is not None:
        found["output"] = json.loads(described["output"])
    last = described.get("stopDate") or events[-1]["timestamp"]
    return {
        **found,
        "path": path_of(events),
        "seconds": (last - described["startDate"]).total_seconds(),
        "payloads": functions.payloads,
    }


def _differences(case: FileCase, found: dict[str, Json]) -> list[str]:
    expected = dict(case.content.get("expect") or {})
    if not {"status", "error", "cause"} & expected.keys():
        expected["status"] = "SUCCEEDED"
    complaints = differences(expected, found, has=True)
    if complaints and found.get("cause") and "cause" not in expected:
        complaints.append(f"the cause is {found['cause']!r:.500}")
    return [complaint.removeprefix("$.") for complaint in complaints]
