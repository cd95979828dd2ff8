"""`lint-ignore: ID` in a Comment: a warning of that state is left out, and errors are not."""

import json
from copy import deepcopy
from typing import Any

import pytest
from engine.tests.test_lint import altered, found

LOOPS: dict[str, Any] = {
    "Comment": "Goes on until all is done.",
    "StartAt": "each",
    "TimeoutSeconds": 3600,
    "States": {
        "each": {
            "Type": "Map",
            "Comment": "One after another.",
            "MaxConcurrency": 1,
            "ItemProcessor": {
                "StartAt": "ask",
                "States": {
                    "ask": {"Type": "Pass", "Comment": "A round.", "Next": "look"},
                    "look": {
                        "Type": "Choice",
                        "Comment": "Another one?",
                        "Choices": [{"Variable": "$.done", "BooleanEquals": True, "Next": "end"}],
                        "Default": "ask",
                    },
                    "end": {"Type": "Succeed"},
                },
            },
            "End": True,
        },
    },
}
EACH, INNER = "/States/each", "/States/each/ItemProcessor/States"
LOOP = ("tight-loop", f"{INNER}/ask")


def commented(pointer: str, comment: Any) -> list[tuple[str, str]]:
    return found(altered(LOOPS, f"{pointer}/Comment", comment))


@pytest.mark.parametrize("pointer", ["", EACH, f"{INNER}/ask"])
def test_a_warning_is_left_out_in_its_state_and_all_around_it(pointer: str) -> None:
    assert found(json.dumps(LOOPS)) == [LOOP]

    assert commented(pointer, "A round. lint-ignore: tight-loop, as each takes minutes.") == []


@pytest.mark.parametrize(
    ("pointer", "comment"),
    [
        (f"{INNER}/look", "lint-ignore: tight-loop"),  # it is reported at the loop's first state
        (EACH, "lint-ignore: timeout-missing"),
        (EACH, "lint-ignore: tight"),
    ],
)
def test_a_mark_that_hides_nothing_is_told(pointer: str, comment: str) -> None:
    assert set(commented(pointer, comment)) == {LOOP, ("ignore-unused", f"{pointer}/Comment")}


@pytest.mark.parametrize("comment", ["lint-ignore:", "no lint-ignore, tight-loop", 7, None])
def test_other_comments_are_no_marks(comment: Any) -> None:
    assert LOOP in commented(EACH, comment)
    assert "ignore-unused" not in dict(commented(EACH, comment))


def test_one_comment_names_several_rules() -> None:
    both = deepcopy(LOOPS)
    both["States"]["each"]["ToleratedFailurePercentage"] = 5
    marks = "lint-ignore: tight-loop. lint-ignore: inline-tolerance, as it is caught inside."

    assert {rule for rule, _ in found(json.dumps(both))} == {"tight-loop", "inline-tolerance"}
    assert found(altered(both, f"{EACH}/Comment", marks)) == []


def test_an_error_stays() -> None:
    broken = altered(LOOPS, f"{INNER}/ask/Next", "nowhere")
    marked = altered(json.loads(broken), "/Comment", "lint-ignore: target-unknown")

    assert ("target-unknown", f"{INNER}/ask/Next") in found(marked)
    assert ("ignore-unused", "/Comment") in found(marked)


def test_a_neighbour_whose_name_begins_alike_keeps_its_warnings() -> None:
    two = deepcopy(LOOPS)
    two["States"]["each"]["Next"] = "each2"
    del two["States"]["each"]["End"]
    two["States"]["each2"] = deepcopy(LOOPS["States"]["each"])
    processor = json.dumps(two["States"]["each2"]["ItemProcessor"])
    for name in ("ask", "look", "end"):
        processor = processor.replace(f'"{name}"', f'"{name}2"')
    two["States"]["each2"]["ItemProcessor"] = json.loads(processor)

    marked = altered(two, f"{EACH}/Comment", "lint-ignore: tight-loop")

    assert found(marked) == [("tight-loop", "/States/each2/ItemProcessor/States/ask2")]
