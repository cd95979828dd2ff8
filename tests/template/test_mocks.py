"""MockConfigFile.json has a case for every way through every machine, and each of them runs."""

import json
from copy import deepcopy
from typing import Any

import pytest
from tests.template.stack import EXAMPLE, MACHINES, OF_SHOP, ROOT, folder_of
from tests.template.ways import Way, watched, ways_of

from sfn_local.mocks import MockConfig
from sfn_local.pytest_plugin import MachineRun

PATH = ROOT / "statemachine/MockConfigFile.json"
FILE = json.loads(PATH.read_text(encoding="utf-8"))
MOCKS = MockConfig.read(PATH)
OF_EXAMPLE = MockConfig.read(EXAMPLE / "statemachine/MockConfigFile.json")
CASES_OF_EXAMPLE = json.loads(
    (EXAMPLE / "statemachine/MockConfigFile.json").read_text(encoding="utf-8")
)["StateMachines"]
OUT_OF_REACH = {  # their iterations catch all that they raise
    "task": {("map_state", "Catch", 0)},
    "zip-orchestrator": {("extract_files", "Catch", 0), ("process_csv_files", "Catch", 0)},
}
CASES = [
    (key, case)
    for machines in (FILE["StateMachines"], CASES_OF_EXAMPLE)
    for key in machines
    for case in machines[key]["TestCases"]
]


def run_case(key: str, case: str, definition: Any = None) -> MachineRun:
    """An execution of a test case, on the sample input of its machine."""
    start = folder_of(key) / "events" / MACHINES[key].folder / "start_execution.json"
    data = json.loads(start.read_text(encoding="utf-8"))
    mocks = OF_EXAMPLE if key in OF_SHOP else MOCKS
    return MachineRun(definition or MACHINES[key].asl, key, data, {}, mocks, case)


def not_taken(key: str, definition: Any) -> set[Way]:
    """The ways of a machine that none of its cases takes."""
    with watched() as taken:
        for machine, case in CASES:
            if machine == key:
                run_case(key, case, definition)
    return ways_of(definition) - taken


def test_every_machine_has_test_cases_and_nothing_else_has() -> None:
    assert sorted(MOCKS.machines) == sorted(MACHINES.keys() - OF_SHOP.keys())
    assert sorted(OF_EXAMPLE.machines) == sorted(OF_SHOP)


@pytest.mark.parametrize("key", MACHINES)
def test_every_retrier_catcher_and_choice_is_taken_by_a_case(key: str) -> None:
    assert not_taken(key, MACHINES[key].asl) == OUT_OF_REACH.get(key, set())


@pytest.mark.parametrize(("key", "case"), CASES)
def test_a_case_ends_and_answers_for_every_function_that_it_meets(key: str, case: str) -> None:
    run = run_case(key, case)

    assert run.status in {"SUCCEEDED", "FAILED"}
    assert run.error not in {"States.Runtime", "NoStub"}
    ends = {name for name, body in MACHINES[key].states() if body["Type"] == "Succeed"}
    assert (run.status == "SUCCEEDED") is (run.path[-1] in ends)


@pytest.mark.parametrize(("key", "case"), CASES)
def test_a_case_mocks_no_state_that_its_machine_has_not(key: str, case: str) -> None:
    mocks = OF_EXAMPLE if key in OF_SHOP else MOCKS
    assert mocks.case(key, case).states <= {state for state, _ in MACHINES[key].states()}


def test_every_response_is_used() -> None:
    used = {name for key, case in CASES if key not in OF_SHOP for name in _responses(key, case)}

    assert used == FILE["MockedResponses"].keys()


def _responses(key: str, case: str) -> list[str]:
    answers: dict[str, str] = FILE["StateMachines"][key]["TestCases"][case]
    return list(answers.values())


@pytest.mark.parametrize(
    ("state", "field", "entry"),
    [
        ("finish", "Retry", {"ErrorEquals": ["Busy"]}),
        ("finish", "Catch", {"ErrorEquals": ["Busy"], "Next": "fail"}),
        (
            "check_version_result",
            "Choices",
            {"Variable": "$.result", "NumericEquals": 8, "Next": "fail"},
        ),
    ],
)
def test_a_way_without_a_case_is_found(state: str, field: str, entry: dict[str, Any]) -> None:
    definition = deepcopy(MACHINES["command"].asl)
    definition["States"][state][field].insert(0, entry)

    assert not_taken("command", definition) == {(state, field, 0)}
