"""JSONPath. Source: Step Functions Developer Guide, "Using JSONPath paths" and "Reference paths".

Where the guide is silent, Jayway JsonPath, which Step Functions uses, decides.
"""

from typing import Any

import pytest

from sfn_local.errors import StateFailure
from sfn_local.language.jsonpath import PathNotFound, PathSyntaxError, parse_path
from sfn_local.language.jsonpath.reference import write

DATA: dict[str, Any] = {
    "order": {"id": 7, "lines": [{"sku": "a", "n": 1}, {"sku": "b", "n": 2}, {"sku": "c"}]},
    "tags": ["x", "y", "z"],
    "odd key": {"ünï": 1, "日本": 2},
    "null": None,
    "nested": [[1, 2], [3]],
    "flags": {"yes": True, "no": False},
    "ns:a-b@c=d": 5,
}


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("$", DATA),
        ("$.order.id", 7),
        ("$['order']['id']", 7),
        ('$["order"].id', 7),
        ("$.order.lines[0].sku", "a"),
        ("$.tags[-1]", "z"),
        ("$.order.lines[-2]['sku']", "b"),
        ("$['odd key'].ünï", 1),
        ("$['odd key'].日本", 2),
        ("$.null", None),
        ("$.ns:a-b@c=d", 5),
        ("$.nested[0][1]", 2),
        ("$['flags','tags']", {"flags": DATA["flags"], "tags": DATA["tags"]}),
        ("$.tags.length()", 3),
        ("$.order.lines[*].n.sum()", 3.0),
        ("$.nested[0].max()", 2.0),
        ("$.nested[0].min()", 1.0),
        ("$.nested[0].avg()", 1.5),
        ("$.flags.keys()", ["yes", "no"]),
    ],
)
def test_a_definite_path_has_one_value(path: str, value: Any) -> None:
    assert parse_path(path).read(DATA) == value


@pytest.mark.parametrize(
    ("path", "values"),
    [
        ("$.tags[*]", ["x", "y", "z"]),
        ("$.flags.*", [True, False]),
        ("$.order.lines[*].n", [1, 2]),
        ("$.order.lines[1:]", DATA["order"]["lines"][1:]),
        ("$.tags[:2]", ["x", "y"]),
        ("$.order.lines[?(@.sku==a)].n", [1]),  # as AWS's samples have it, without quotes
        ("$.tags[:2] ", ["x", "y"]),
        ("$.tags[-2:]", ["y", "z"]),
        ("$.tags[0:3:2]", ["x", "z"]),
        ("$.tags[5:]", []),
        ("$.tags[0,2]", ["x", "z"]),
        ("$..sku", ["a", "b", "c"]),
        ("$..lines[0].sku", ["a"]),
        ("$.nested[*][*]", [1, 2, 3]),
        ("$.nested..[0]", [[1, 2], 1, 3]),
        ("$.order.lines[?(@.n)].sku", ["a", "b"]),
        ("$.order.lines[?(!@.n)].sku", ["c"]),
        ("$.order.lines[?(@.n == 2)].sku", ["b"]),
        ("$.order.lines[?(@.n==2||@.sku=='a')].sku", ["a", "b"]),
        ("$.order.lines[?(@.n<$['order']['id'])].sku", ["a", "b"]),
        ("$.order.lines[?(@.n != 2)].sku", ["a", "c"]),
        ("$.order.lines[?(@.n >= 1 && @.sku != 'a')].sku", ["b"]),
        ("$.order.lines[?(@.n < 2 || @.sku == 'c')].sku", ["a", "c"]),
        ("$.order.lines[?((@.n < 2 || @.n > 5) && @.sku == 'a')].sku", ["a"]),
        ("$.order.lines[?(@.sku =~ /[AB]/i)].n", [1, 2]),
        ("$.order.lines[?(@.sku in ['b', 'c'])].sku", ["b", "c"]),
        ("$.order.lines[?(@.sku nin ['b', 'c'])].sku", ["a"]),
        ("$.order.lines[?(@.n < $.order.id)].n", [1, 2]),
        ("$.nested[?(@ contains 3)]", [[3]]),
        ("$.nested[?(@ size 2)]", [[1, 2]]),
        ("$.nested[?(@ empty false)]", [[1, 2], [3]]),
        ("$.tags[?(@ == 'y')]", ["y"]),
        ("$.[?(@.order)].tags", [["x", "y", "z"]]),
        ("$.missing[*]", []),
        ("$.missing[1:].b", []),
        ("$..missing", []),
    ],
)
def test_an_indefinite_path_has_a_list_of_values(path: str, values: list[Any]) -> None:
    assert parse_path(path).read(DATA) == values


@pytest.mark.parametrize(
    ("path", "explanation"),
    [
        ("$.missing", "No results for path: $['missing']"),
        ("$.order.missing", "No results for path: $['order']['missing']"),
        ("$.no.such.path", "Missing property in path $['no']"),
        ("$.tags[3]", "No results for path: $['tags'][3]"),
        ("$.tags[-4]", "No results for path: $['tags'][-4]"),
        ("$.tags.x", "No results for path: $['tags']['x']"),
        ("$.order[0]", "No results for path: $['order'][0]"),
    ],
)
def test_a_definite_path_that_leads_nowhere_says_where_it_ends(path: str, explanation: str) -> None:
    with pytest.raises(PathNotFound) as caught:
        parse_path(path).read(DATA)

    assert str(caught.value) == explanation


@pytest.mark.parametrize(
    "path",
    [
        "",
        "a",
        "order.id",
        "$.",
        "$..",
        "$1",
        "$.a b",
        "$.a[",
        "$.a[]",
        "$.a['b]",
        "$.a[b]",
        "$.a[1",
        "$.a[::0]",
        "$.a[?]",
        "$.a[?()]",
        "$.a[?(@.b ==)]",
        "$.a[?(1)]",
        "$.a[?(@.b =~ b)]",
        "$.a[?(@.b =~ /(/)]",
        "$.a.sizeof()",
        "$.a.length().b",
        "$..length()",
        "$.a, $.b",
    ],
)
def test_what_is_no_path_is_refused(path: str) -> None:
    with pytest.raises(PathSyntaxError):
        parse_path(path)


@pytest.mark.parametrize("path", ["$", "$.a", "$.a.b[0]", "$['a b'].c", "$[0]"])
def test_names_and_indexes_make_a_reference_path(path: str) -> None:
    assert parse_path(path).is_reference


@pytest.mark.parametrize("path", ["$.a[*]", "$..a", "$.a[-1]", "$.a[0:1]", "$['a','b']", "$$.a"])
def test_anything_more_makes_none(path: str) -> None:
    assert not parse_path(path).is_reference


@pytest.mark.parametrize(
    ("path", "before", "after"),
    [
        ("$", {"a": 1}, "v"),
        ("$.a", {"a": 1, "b": 2}, {"a": "v", "b": 2}),
        ("$.c", {"a": 1}, {"a": 1, "c": "v"}),
        ("$.a.b.c", {"x": 1}, {"x": 1, "a": {"b": {"c": "v"}}}),
        ("$.a.b", {"a": {"c": 1}}, {"a": {"c": 1, "b": "v"}}),
        ("$.a[1]", {"a": [1, 2, 3]}, {"a": [1, "v", 3]}),
        ("$.a[0].b", {"a": [{"c": 1}]}, {"a": [{"c": 1, "b": "v"}]}),
    ],
)
def test_a_result_is_written_where_the_path_points(path: str, before: Any, after: Any) -> None:
    unchanged = repr(before)

    assert write(before, parse_path(path), "v") == after
    assert repr(before) == unchanged


@pytest.mark.parametrize(
    ("path", "before"),
    [("$.a", [1]), ("$.a", "text"), ("$.a.b", {"a": 1}), ("$.a[1]", {"a": [1]}), ("$.a[0]", {})],
)
def test_a_result_without_a_place_is_a_match_failure(path: str, before: Any) -> None:
    with pytest.raises(StateFailure) as caught:
        write(before, parse_path(path), "v")

    assert caught.value.error == "States.ResultPathMatchFailure"
