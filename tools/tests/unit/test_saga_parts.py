"""A declared saga is shown as it was declared: its parts, how each stands, and the way it took."""

from typing import Any

import pytest

from sfn_cqrs_tools.client.saga_parts import definition_of, parts_of, taken_by
from sfn_local.graph import svg


def part(name: str, kind: str = "STEP", **more: Any) -> dict[str, Any]:
    return {"name": name, "kind": kind, "tries": 1, "seconds": 30, **more}


HEAVY, LIGHT = {"choice": "size", "arm": "heavy"}, {"choice": "size", "arm": "light"}
ORDER = [
    part("book", compensation="cancel"),
    part("size", "CHOICE"),
    part("by_truck", compensation="unload", **HEAVY),
    part("toll", **HEAVY),
    part("by_bike", **LIGHT),
    part("three_days", "PAUSE", seconds=259_200),
    part("ask", compensation="forget"),
]


def line(name: str, status: str = "DONE", **more: Any) -> dict[str, Any]:
    return {"name": name, "status": status, "try": 1, **more}


def shown(status: str, log: list[dict[str, Any]], left: list[str]) -> dict[str, Any]:
    return {"status": status, "log": log, "left": left, "order": ORDER}


BEGUN = shown("RUNNING", [line("book", "STARTED")], ["book", "size", "three_days", "ask"])
TURNED = shown(
    "COMPENSATING",
    [line("book"), line("size", result="heavy"), line("by_truck", "REFUSED"), line("unload")],
    ["cancel"],
)


def states(found: dict[str, Any]) -> dict[str, str]:
    return {one.name: one.state for one in parts_of(found)}


def test_what_comes_is_to_do_and_an_arm_is_only_made_if_it_is_chosen() -> None:
    assert states(BEGUN) == {
        "book": "STARTED",
        "size": "to do",
        "by_truck": "if chosen",
        "toll": "if chosen",
        "by_bike": "if chosen",
        "three_days": "to do",
        "ask": "to do",
    }


def test_a_saga_that_turned_back_makes_nothing_more_and_says_what_is_undone() -> None:
    assert states(TURNED) == {
        "book": "DONE",
        "size": "DONE",
        "by_truck": "REFUSED",
        "toll": "not made",
        "by_bike": "not chosen",
        "three_days": "not made",
        "ask": "not made",
    }
    assert {one.undo: one.undo_state for one in parts_of(TURNED) if one.undo} == {
        "cancel": "to do",
        "unload": "DONE",
        "forget": "",
    }


def test_a_saga_with_a_machine_of_its_own_has_no_parts() -> None:
    assert parts_of({"log": [line("book")], "left": []}) == []


def test_each_part_leads_to_what_follows_it_and_to_what_undoes_it() -> None:
    states = definition_of(parts_of(BEGUN))["States"]

    following = {name: one.get("Next") for name, one in states.items()}
    assert following == {
        "book": "size",
        "cancel": None,
        "size": None,
        "by_truck": "toll",
        "unload": None,
        "toll": "three_days",
        "by_bike": "three_days",
        "three_days": "ask",
        "ask": "COMPLETED",
        "forget": None,
        "COMPLETED": None,
    }
    arms = {one["StringEquals"]: one["Next"] for one in states["size"]["Choices"]}
    assert (arms, states["size"]["Default"]) == (
        {"heavy": "by_truck", "light": "by_bike"},
        "three_days",
    )
    assert states["book"]["Catch"][0]["Next"] == "cancel"


def test_a_choice_in_an_arm_ends_where_the_outer_one_does() -> None:
    inner = [
        part("paint", "CHOICE", **HEAVY),
        part("red", choice="paint", arm="red"),
        part("blue", choice="paint", arm="blue"),
    ]
    found = {**BEGUN, "order": [*ORDER[:2], *inner, *ORDER[4:]]}

    states = definition_of(parts_of(found))["States"]

    assert {states[name]["Next"] for name in ("red", "blue", "by_bike")} == {"three_days"}
    assert states["paint"]["Default"] == "three_days"


def test_the_way_goes_through_what_was_made_and_a_refused_step_is_not_red() -> None:
    parts = parts_of(TURNED)
    path = taken_by(TURNED, parts)

    assert path.outcomes == {
        "book": "succeeded",
        "size": "succeeded",
        "by_truck": "caught",
        "unload": "succeeded",
    }
    assert path.ways == {
        ("", "book", False),
        ("book", "size", False),
        ("size", "by_truck", False),
        ("by_truck", "unload", True),
    }
    assert 'data-state="three_days"' in svg(definition_of(parts), path)


def test_a_wait_is_drawn_with_the_way_for_what_never_comes() -> None:
    late = part("remind", choice="paid", arm="otherwise")
    order = [part("paid", "WAIT", seconds=60), late, part("sent", "WAIT", seconds=9)]
    log = [line("paid", result="met")]

    parts = parts_of({"status": "RUNNING", "log": log, "left": ["sent"], "order": order})
    states = definition_of(parts)["States"]

    assert states["paid"]["Choices"][0]["Next"] == "remind"
    assert (states["paid"]["Default"], states["remind"]["Next"]) == ("sent", "sent")
    assert states["sent"] == {"Type": "Wait", "Seconds": 9, "Next": "COMPLETED"}
    assert [(one.state, one.waits) for one in parts] == [
        ("DONE", "waits up to"),
        ("not chosen", ""),
        ("to do", "waits up to"),
    ]


def in_a_list(name: str, **more: Any) -> dict[str, Any]:
    return part(name, each="lines", **more)


def drawn(log: list[dict[str, Any]], *order: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    found = {"status": "RUNNING", "log": log, "left": ["tell"], "order": [*order, part("tell")]}
    parts = parts_of(found)
    return definition_of(parts)["States"], [one.when for one in parts]


def test_what_a_list_has_stands_there_once_until_its_items_are_known() -> None:
    states, when = drawn([], part("lines", "EACH"), in_a_list("pack", choice="lines", arm="each"))

    assert (states["lines"]["Choices"][0]["Next"], states["lines"]["Default"]) == ("pack", "tell")
    assert (states["pack"]["Next"], when) == ("tell", ["", "each of lines", ""])


def test_each_item_of_a_list_has_its_parts_as_soon_as_it_is_known() -> None:
    inner = [in_a_list("size.1", kind="CHOICE"), in_a_list("pack.1", choice="size.1", arm="small")]
    states, when = drawn([line("lines")], part("lines", "EACH"), *inner, in_a_list("pack.2"))

    assert (states["lines"]["Type"], states["lines"]["Next"]) == ("Task", "size.1")
    assert (states["pack.1"]["Next"], states["pack.2"]["Next"]) == ("pack.2", "tell")
    assert when == ["", "each of lines", "size.1 = small", "each of lines", ""]


@pytest.mark.parametrize("status", ["COMPLETED", "PARKED"])
def test_only_what_is_completed_comes_to_the_end(status: str) -> None:
    log = [line(one) for one in ("book", "size", "by_bike", "three_days", "ask")]
    found = shown(status, log, [])

    path = taken_by(found, parts_of(found))

    assert path.has("ask", "COMPLETED") is (status == "COMPLETED")
