"""What holds of every machine of this project: it runs, it is drawn, and it fits the template."""

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest

from sfn_local.graph import mermaid, svg
from sfn_local.lint.template import lint_in_template
from sfn_local.pytest_plugin import RunMachine

ROOT = Path(__file__).parents[2]
MACHINES = sorted((ROOT / "statemachine").glob("*.asl.json"))
CASES = json.loads((ROOT / "statemachine/MockConfigFile.json").read_text(encoding="utf-8"))

every_machine = pytest.mark.parametrize(
    "path", MACHINES, ids=lambda path: path.name.removesuffix(".asl.json")
)


@every_machine
def test_it_has_a_happy_path(path: Path, run_machine: RunMachine) -> None:
    name = path.name.removesuffix(".asl.json")
    event = (
        ROOT / "events" / name.removesuffix("-express").replace("-", "_") / "start_execution.json"
    )
    data = json.loads(event.read_text(encoding="utf-8"))
    run = run_machine(name, input=data, mock="HappyPath")

    cases = CASES["StateMachines"][name]["TestCases"]
    assert run.status == "SUCCEEDED", (run.error, run.cause)
    assert set(cases["HappyPath"]) <= set(run.path) | inner_states(path)


@every_machine
def test_it_can_be_drawn(path: Path) -> None:
    definition = json.loads(path.read_text(encoding="utf-8"))

    ElementTree.fromstring(svg(definition))
    assert mermaid(definition).startswith("flowchart TD\n")


@every_machine
def test_it_fits_the_template(path: Path) -> None:
    assert lint_in_template(path.read_text(encoding="utf-8"), path, ROOT / "template.yaml") == []


def inner_states(path: Path) -> set[str]:
    """The states of Distributed Maps, which run in executions of their own."""
    definition = json.loads(path.read_text(encoding="utf-8"))
    found: set[str] = set()
    for state in definition["States"].values():
        processor = state.get("ItemProcessor", {})
        if processor.get("ProcessorConfig", {}).get("Mode") == "DISTRIBUTED":
            found |= set(processor["States"])
    return found
