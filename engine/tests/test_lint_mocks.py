"""The lint of a MockConfigFile.json: it warns of what would fail an execution, and takes the file.

Source: floci-io/floci issue 2523 and pull request 2823 (generated files have empty responses).
"""

import json
from pathlib import Path
from typing import Any

from click.testing import CliRunner

from sfn_local.cli import cli
from sfn_local.lint.mock_files import is_mock_file, lint_mocks

GENERATED = {
    "StateMachines": {
        "m": {"TestCases": {"Empty": {"call/it": "None", "look": "Absent"}, "Odd": []}},
    },
    "MockedResponses": {"None": {}, "Bad": {"first": {"Return": 1}}, "Good": {"0": {"Return": 1}}},
}


def found(config: Any) -> list[tuple[str, str]]:
    return [(finding.id, finding.pointer) for finding in lint_mocks(json.dumps(config))]


def test_each_fault_is_a_warning_at_its_place() -> None:
    assert found(GENERATED) == [
        ("mock-response", "/StateMachines/m/TestCases/Empty/look"),
        ("mock-response", "/StateMachines/m/TestCases/Odd"),
        ("mock-response", "/MockedResponses/None"),
        ("mock-response", "/MockedResponses/Bad"),
    ]
    assert {finding.severity for finding in lint_mocks(json.dumps(GENERATED))} == {"warning"}


def test_a_file_without_cases_is_no_mock_configuration() -> None:
    assert found({"MockedResponses": {}}) == [("mock-file", "")]


def test_a_definition_is_none() -> None:
    assert not is_mock_file('{"StartAt": "MockedResponses", "States": {}}')
    assert not is_mock_file('{"MockedResponses"')


def test_the_command_takes_mock_files_beside_definitions(tmp_path: Path) -> None:
    path = tmp_path / "MockConfigFile.json"
    path.write_text(json.dumps(GENERATED, indent=1))
    result = CliRunner().invoke(cli, ["lint", str(path)])

    assert result.exit_code == 0
    assert "MockConfigFile.json:7:6: warning: there is no mocked response 'Absent'" in result.output
