import json
import re
from typing import Any
from xml.etree import ElementTree as Xml

import pytest

from sfn_local.graph import mermaid, svg
from sfn_local.graph.layout import Box, Layout, Link, lay_out
from sfn_local.graph.model import describe_rule

MACHINE: dict[str, Any] = {
    "StartAt": "check <it>",
    "States": {
        "check <it>": {
            "Type": "Choice",
            "Choices": [
                {"Variable": "$.n", "NumericGreaterThanEquals": 3, "Next": "each"},
                {"Variable": "$.n", "NumericEquals": -1, "Next": "fail"},
            ],
            "Default": "wait",
        },
        "wait": {"Type": "Wait", "Seconds": 60, "Next": "check <it>"},
        "each": {
            "Type": "Map",
            "MaxConcurrency": 2,
            "ItemProcessor": {
                "StartAt": "call",
                "States": {"call": {"Type": "Task", "Resource": "f", "End": True}},
            },
            "Catch": [{"ErrorEquals": ["A", "B"], "Next": "fail"}],
            "Next": "end",
        },
        "end": {"Type": "Succeed"},
        "fail": {"Type": "Fail"},
    },
}


def test_mermaid_shows_states_transitions_rules_and_catches() -> None:
    lines = [line.strip() for line in mermaid(MACHINE).splitlines()]

    assert lines[0] == "flowchart TD"
    assert lines[1:17] == [
        "start6(( ))",
        's1{"check &lt;it&gt;"}:::choice',
        's2{{"wait · 60 s"}}:::wait',
        'subgraph s3["each · 2 at a time"]',
        "start8(( ))",
        's7["call"]',
        "start8 --> s7",
        "end",
        's4(["end"]):::succeed',
        's5(["fail"]):::fail',
        "start6 --> s1",
        's1 -->|"$.n ≥ 3"| s3',
        's1 -->|"$.n = -1"| s5',
        's1 -->|"otherwise"| s2',
        "s2 --> s1",
        "s3 --> s4",
    ]
    assert lines[17] == 's3 -.->|"A, B"| s5'


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        ({"Variable": "$.a", "StringEquals": "x"}, '$.a = "x"'),
        ({"Variable": "$.a", "NumericLessThanPath": "$.b"}, "$.a < $.b"),
        ({"Variable": "$.a", "StringMatches": "x*"}, '$.a ~ "x*"'),
        ({"Variable": "$.a", "IsPresent": False}, "$.a is not present"),
        ({"Not": {"Variable": "$.a", "IsNull": True}}, "not $.a is null"),
        (
            {
                "And": [
                    {"Variable": "$.a", "IsNull": True},
                    {"Or": [{"Variable": "$.b", "BooleanEquals": True}]},
                ]
            },
            "$.a is null and ($.b = true)",
        ),
        ({"Condition": "{% $states.input.a > 1 %}"}, "$states.input.a > 1"),
    ],
)
def test_a_rule_is_one_line(rule: dict[str, Any], text: str) -> None:
    assert describe_rule(rule) == text


def test_a_picture_is_well_formed_and_names_every_state() -> None:
    picture = svg(MACHINE)
    root = Xml.fromstring(picture)
    texts = [element.text for element in root.iter("{http://www.w3.org/2000/svg}text")]

    assert {"check <it>", "wait", "60 s", "each", "call", "end", "fail", "otherwise"} <= set(texts)
    assert len(re.findall('class="edge catch"', picture)) == 1


def test_the_same_definition_gives_the_same_picture() -> None:
    assert svg(MACHINE) == svg(json.loads(json.dumps(MACHINE)))


@pytest.mark.parametrize("definition", [[], {}, {"States": []}])
def test_what_has_no_states_cannot_be_drawn(definition: Any) -> None:
    with pytest.raises(ValueError, match="the definition has no States"):
        mermaid(definition)


def overlapping(layout: Layout) -> list[tuple[str, str]]:
    return [
        (first, second)
        for first, a in layout.nodes.items()
        for second, b in layout.nodes.items()
        if first < second
        and abs(a.x - b.x) * 2 < a.width + b.width
        and abs(a.y - b.y) * 2 < a.height + b.height
    ]


def test_nodes_do_not_overlap() -> None:
    names = [f"n{number}" for number in range(30)]
    boxes = {name: Box(60 + 7 * (index % 9), 40) for index, name in enumerate(names)}
    links = [
        Link(names[i], names[j])
        for i in range(30)
        for j in range(30)
        if i < j and (i * 7 + j * 3) % 11 == 0
    ]
    layout = lay_out(boxes, links, "n0")

    assert overlapping(layout) == []


def test_a_transition_leads_downwards_unless_it_closes_a_loop() -> None:
    boxes = {name: Box(50, 40) for name in "abc"}
    links = [Link("a", "b"), Link("b", "c"), Link("c", "a"), Link("b", "b")]
    layout = lay_out(boxes, links, "a")
    down, _, up, loop = layout.routes

    assert layout.nodes["a"].y < layout.nodes["b"].y < layout.nodes["c"].y
    assert down[0][1] < down[-1][1]
    assert up[0][1] > up[-1][1]
    assert loop == []


def test_a_label_gets_a_place_of_its_own() -> None:
    boxes = {name: Box(50, 40) for name in "abc"}
    links = [Link("a", "b", label=Box(80, 16)), Link("a", "c", label=Box(80, 16))]
    layout = lay_out(boxes, links, "a")
    first, second = layout.labels[0], layout.labels[1]

    assert abs(first.x - second.x) >= 80
    assert layout.nodes["a"].y < first.y < layout.nodes["b"].y


def test_the_main_path_is_straight_and_long_edges_are_too() -> None:
    catches = [{"ErrorEquals": ["States.ALL"], "Next": "Broken"}]
    names = ["One", "Two", "Three", "Four"]
    states: dict[str, Any] = {
        name: {"Type": "Task", "Resource": "arn:x", "Next": after, "Catch": catches}
        for name, after in zip(names, [*names[1:], "Done"], strict=True)
    }
    states |= {"Done": {"Type": "Succeed"}, "Broken": {"Type": "Fail"}}
    picture = svg({"StartAt": "One", "States": states})

    middles = {
        round(float(x) + float(width) / 2)
        for x, width in re.findall(
            r'data-state="(?!Broken)[^>]*>.*?<rect x="([\d.]+)" y="[\d.]+" width="([\d.]+)"',
            picture,
        )
    }
    flows = re.findall(r'class="edge" d="M([\d.]+) [\d.]+C.* ([\d.]+) [\d.]+"', picture)
    caught = re.findall(r'class="edge catch" d="([^"]+)"', picture)

    assert len(middles) == 1
    assert [first for first, last in flows if first != last] == []
    for way in caught:  # down from the state, straight, and to the end: no more than three places
        assert len({x for x, _ in re.findall(r"([\d.]+) ([\d.]+)", way)}) <= 3


def test_arrowheads_are_of_one_size_whatever_their_edges() -> None:
    markers = re.findall(r"<marker [^>]+>", svg(MACHINE))

    assert len(markers) == 2
    assert len({re.sub(r'id="\w+"', "", one) for one in markers}) == 1
    assert 'markerUnits="userSpaceOnUse"' in markers[0]
