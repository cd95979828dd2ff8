"""The laws that `sfn-cqrs check` holds for the machines of a project, on the example."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.template.stack import ROOT

from sfn_cqrs_tools.stack import laws
from sfn_cqrs_tools.stack.project_template import load_template

EXAMPLE = ROOT / "examples/shop"
PARTS = ("events", "functions", "statemachine")
TEMPLATE, MACHINE = "template.yaml", "statemachine/order-saga.asl.json"


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """Return a copy of the example that may be changed."""
    for part in PARTS:
        shutil.copytree(EXAMPLE / part, tmp_path / part)
    shutil.copy(EXAMPLE / TEMPLATE, tmp_path)
    (tmp_path / ".framework").symlink_to(ROOT)
    (tmp_path / "app").symlink_to((EXAMPLE / "app").resolve())
    return tmp_path


def found(shop: Path) -> list[str]:
    template = load_template(shop / TEMPLATE)
    return [*laws.broken(template, shop / TEMPLATE, template.machines["order-saga"])]


def edited(path: str, old: str, new: str) -> Callable[[Path], None]:
    def edit(shop: Path) -> None:
        text = (shop / path).read_text(encoding="utf-8")
        assert old in text
        (shop / path).write_text(text.replace(old, new), encoding="utf-8")

    return edit


def removed(path: str) -> Callable[[Path], None]:
    return lambda shop: (shop / path).unlink()


def test_the_example_breaks_no_law(shop: Path) -> None:
    assert found(shop) == []


BREAKS = {
    "the machine may not invoke a function": (
        edited(TEMPLATE, "                - !GetAtt OrderSagaResumeFunction.Arn\n", ""),
        [
            "OrderSagaStateMachine may not invoke OrderSagaResumeFunction: "
            "add !GetAtt OrderSagaResumeFunction.Arn to its policy"
        ],
    ),
    "it may invoke one that it never calls": (
        edited(
            TEMPLATE,
            "              Resource:\n                - !GetAtt OrderSagaResumeFunction.Arn\n",
            "              Resource:\n                - !GetAtt OrderSagaResumeFunction.Arn\n"
            "                - !GetAtt OtherFunction.Arn\n",
        ),
        ["OrderSagaStateMachine may invoke OtherFunction, which no state calls: take it out"],
    ),
    "a function lies in another folder": (
        edited(
            TEMPLATE,
            "CodeUri: functions/order_saga/resume/",
            "CodeUri: functions/order_saga/park_saga/",
        ),
        ["OrderSagaResumeFunction: its CodeUri must be functions/order_saga/resume/"],
    ),
    "a state calls a function of another name": (
        edited(MACHINE, "${OrderSagaResumeFunction}", "${OrderSagaParkSagaFunction}"),
        [
            "order-saga: the state resume calls OrderSagaParkSagaFunction: "
            "name it OrderSagaResumeFunction",
            "OrderSagaStateMachine may invoke OrderSagaResumeFunction, which no state calls: "
            "take it out",
        ],
    ),
    "a state has no sample event": (
        removed("events/order_saga/resume.json"),
        ["order-saga: the state resume has no events/order_saga/resume.json"],
    ),
    "a mock is of no state": (
        edited("statemachine/MockConfigFile.json", '"resume":', '"resumes":'),
        [
            "statemachine/MockConfigFile.json: no test case of order-saga mocks the state resume",
            "statemachine/MockConfigFile.json: order-saga has no state resumes",
        ],
    ),
    "there are no mocks": (
        removed("statemachine/MockConfigFile.json"),
        ["order-saga: there is no statemachine/MockConfigFile.json"],
    ),
}


@pytest.mark.parametrize("name", BREAKS)
def test_what_breaks_a_law_is_told_in_a_sentence(shop: Path, name: str) -> None:
    change, told = BREAKS[name]
    change(shop)

    assert found(shop) == told
