"""Failures that are alike are one group, with one repair of all of them."""

import pytest

from sfn_cqrs_tools.console.failures import Failure, Failures, alike, grouped

AT = "2026-11-29T09:00:00Z"
ULID = "01M8KB5J2AJX5HWQC2275GFHH2"


def failure(kind="command", cause="", at=AT, **more):
    given = {"type": "ORDER", "tenant": "tenant1", "error": "KeyError", "label": "o-1", "path": "/"}
    return Failure(kind=kind, cause=cause, at=at, **{**given, **more})


def test_what_differs_in_an_id_or_a_number_only_is_one_group():
    causes = [f"order {ULID[:-1]}{end}, row {end}: has no customer" for end in "357"]

    (group,) = grouped(failure(cause=cause) for cause in causes)

    assert (group.count, group.text) == (3, "order")


def test_a_group_knows_since_when_and_its_latest():
    first, last = failure(at="2026-11-28T09:00:00Z", label="a"), failure(label="b")

    (group,) = grouped([first, last])

    assert (group.oldest, group.first.label) == (first.at, "b")


def test_money_comes_first_and_then_what_there_is_most_of():
    found = [
        failure("import", rows=235),
        failure(cause="a"),
        *[failure(cause="b")] * 90,
        failure("task", rows=14),
        failure("saga"),
    ]

    groups = grouped(found)

    kinds = [(group.kind, group.count) for group in groups]
    assert kinds == [("saga", 1), ("command", 90), ("command", 1), ("task", 1), ("import", 1)]
    assert Failures(groups, 7).count == 101


@pytest.mark.parametrize(
    ("kind", "what"),
    [
        ("command", "command retry"),
        ("saga", "saga retry"),
        ("task", "task retry"),
        ("import", "import retry"),
    ],
)
def test_each_kind_has_its_repair(kind, what):
    assert grouped([failure(kind)])[0].what == what


def test_tenants_types_and_errors_are_never_mixed():
    found = [failure(), failure(tenant="other"), failure(type="STOCK"), failure(error="Timeout")]

    assert len(grouped(found)) == 4


def test_a_text_that_begins_with_a_number_falls_back_to_the_error():
    assert grouped([failure(cause="12 of 40 failed")])[0].text == "KeyError"


def test_errors_inside_one_piece_of_work_are_grouped_and_open_their_first():
    found = alike(
        [
            ("ValueError", "'one' is not an e-mail address\n  File x", "/1"),
            ("KeyError", "'total'", "/2"),
            ("ValueError", "'two' is not an e-mail address", "/3"),
            ("KeyError", "'customer'", "/4"),
            ("ValueError", "row 7 of 9", "/5"),
        ]
    )

    assert [(one.count, one.error, one.cause, one.path) for one in found] == [
        (2, "ValueError", "'one' is not an e-mail address", "/1"),
        (1, "KeyError", "'total'", "/2"),
        (1, "KeyError", "'customer'", "/4"),
        (1, "ValueError", "row 7 of 9", "/5"),
    ]
