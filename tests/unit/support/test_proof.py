import runpy

import pytest
from tests.support import proof
from tests.support.proof import every, sampled, without


def in_test(params):
    return [param.values for param in params if not param.marks]


def in_proof(params):
    return [param.values for param in params if [mark.name for mark in param.marks] == ["proof"]]


def test_a_sample_is_spread_over_all_cases_and_the_rest_is_left_to_proof():
    params = sampled(range(10), 3)

    assert in_test(params) == [(0,), (3,), (6,)]
    assert in_proof(params) == [(1,), (2,), (4,), (5,), (7,), (8,), (9,)]


def test_a_sample_of_few_cases_is_all_of_them():
    assert in_test(sampled([("a", 1), ("b", 2)], 5)) == [("a", 1), ("b", 2)]


def test_what_is_long_is_left_to_proof():
    params = without(["short", "long", "other"], ["long"])

    assert (in_test(params), in_proof(params)) == ([("short",), ("other",)], [("long",)])


def test_what_is_long_has_to_be_a_case():
    with pytest.raises(ValueError, match=r"no such cases: \['lost'\]"):
        without(["short", "long"], ["lost"])


def test_every_nth_case_has_the_first_and_the_last():
    assert [every(nth, range(10)) for nth in (1, 4, 9, 20)] == [
        [*range(10)],
        [0, 4, 8, 9],
        [0, 9],
        [0, 9],
    ]


def test_every_nth_case_of_each_kind_is_taken():
    cases = ["a1", "a2", "a3", "a4", "b1", "c1", "c2"]

    assert every(3, cases, by=lambda case: case[0]) == ["a1", "a4", "b1", "c1", "c2"]


def test_no_case_is_none():
    assert every(3, []) == sampled([], 3) == []


@pytest.mark.parametrize(("given", "is_deep"), [("", False), ("0", False), ("1", True)])
def test_make_proof_looks_deeper_only_where_asked(given, is_deep, monkeypatch):
    monkeypatch.setenv("DEEP", given)

    assert runpy.run_path(proof.__file__)["DEEP"] is is_deep
