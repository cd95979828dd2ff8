"""A machine drawn as text, as a person sees it in a terminal."""

import json
from pathlib import Path
from typing import Any

import pytest

from sfn_local import Engine, VirtualClock
from sfn_local.graph import drawn, taken
from sfn_local.graph.drawn import BOXES, PLAIN
from sfn_local.graph.notes import stays
from sfn_local.stubs import StubFunctions, by_state, parse_stubs

TASK: dict[str, Any] = {"Type": "Task", "Resource": "arn:aws:lambda:us-east-1:0:function:f"}
MACHINE: dict[str, Any] = {
    "StartAt": "read",
    "States": {
        "read": {**TASK, "Next": "is it enough", "Catch": [{"ErrorEquals": ["A"], "Next": "no"}]},
        "is it enough": {
            "Type": "Choice",
            "Choices": [{"Variable": "$.n", "NumericLessThan": 2, "Next": "read"}],
            "Default": "each",
        },
        "each": {
            "Type": "Map",
            "ItemsPath": "$.items",
            "ItemProcessor": {"StartAt": "work", "States": {"work": {**TASK, "End": True}}},
            "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "no"}],
            "Next": "end",
        },
        "end": {"Type": "Succeed"},
        "no": {"Type": "Fail"},
    },
}


def text(lines: list[Any]) -> list[str]:
    return ["".join(part.text for part in line) for line in lines]


def ran(stubs: dict[str, Any]) -> list[dict[str, Any]]:
    engine = Engine(functions=StubFunctions(parse_stubs(json.dumps(stubs))), clock=VirtualClock())
    execution = engine.start_execution(
        engine.create_state_machine("m", by_state(MACHINE)), "one", "{}"
    )
    engine.run_until(execution)
    return engine.history(execution)


def test_states_stand_below_each_other_and_all_other_ways_are_lanes() -> None:
    assert text(drawn(MACHINE)) == [
        "┌┄┬▶• read  Task",
        "┆ │ │   A → no",
        "┆ │ │",
        "┆ └─• is it enough  Choice",
        "┆   │   $.n < 2 → read",
        "┆   │   otherwise → each",
        "┆   │",
        "├┄┄┄• each  Map",
        "┆   │  │ • work  Task",
        "┆   │",
        "┆   • end  Succeed",
        "┆",
        "└┄┄▶• no  Fail",
    ]


def test_the_path_of_an_execution_has_marks_and_heavy_lines_and_says_what_failed() -> None:
    failing = {"Throw": {"Error": "Broken"}}
    stubs = {
        "read": [{"n": 1}, {"n": 2, "items": [1, 2, 3]}],
        "work": [{"Return": 1}, failing, failing],
    }
    events = ran(stubs)
    notes = {name: stay.words for name, stay in stays(events).items()}

    assert text(drawn(MACHINE, taken(events), notes)) == [
        "┌┄┳▶✓ read  Task, ×2",
        "┆ ┃ ┃   A → no",
        "┆ ┃ ┃",
        "┆ ┗━✓ is it enough  Choice, ×2",
        "┆   ┃   $.n < 2 → read",
        "┆   ┃   otherwise → each",
        "┆   ┃",
        "┣┅┅┅! each  Map",
        "┇   │  │ ✗ work  Task, ×3, 2 failed, Broken",
        "┇   │",
        "┇   · end  Succeed",
        "┇",
        "┗┅┅▶✗ no  Fail",
        "",
        "✓ succeeded   ! failed and caught   ✗ failed   · not entered",
    ]


@pytest.mark.parametrize("path", sorted(Path("statemachine").glob("*.asl.json")), ids=str)
def test_each_machine_is_drawn_whole_within_80_columns(path: Path) -> None:
    definition = json.loads(path.read_text(encoding="utf-8"))
    lines = text(drawn(definition, pens=PLAIN))

    names = [name for name in definition["States"] if not any(f" {name}  " in one for one in lines)]
    assert names == []
    assert max(map(len, lines)) <= 80
    assert all(line.isascii() for line in lines)
    assert len(text(drawn(definition, pens=BOXES))) == len(lines)
