"""What explores long runs whole in `make proof`; `make test` runs a sample of the same cases.

Nothing is in neither: a case is a parameter with or without the mark `proof`, and a test that
goes through many cases itself is parametrized by the share of them that it takes. What takes
minutes alone is larger still with DEEP=1, before a release and in the night.
"""

import os
from collections.abc import Callable, Collection, Iterable
from typing import Any, TypeVar

import pytest

Case = TypeVar("Case")
Size = TypeVar("Size")
PROOF = pytest.mark.proof
DEEP = os.environ.get("DEEP", "") not in ("", "0")
"""Make gives an empty one where nobody asked."""


def deep(usual: Size, deeper: Size) -> Size:
    """How much `make proof` looks at, and `make proof DEEP=1`."""
    return deeper if DEEP else usual


def sampled(cases: Iterable[Any], keep: int) -> list[Any]:
    """Parameters of which `keep`, spread over all, run in `make test`, and the rest in proof.

    A case that is a list or a tuple is one of several arguments.
    """
    everything = list(cases)
    kept = {place * len(everything) // keep for place in range(keep)}
    return [
        _param(case, is_kept=number in kept or len(everything) <= keep)
        for number, case in enumerate(everything)
    ]


def without(cases: Iterable[Any], long: Collection[Any]) -> list[Any]:
    """Parameters of which those that take long run in proof only.

    Raises:
        ValueError: one of the long ones is no case.
    """
    everything = list(cases)
    if unknown := [case for case in long if case not in everything]:
        raise ValueError(f"no such cases: {unknown}")
    return [_param(case, is_kept=case not in long) for case in everything]


def _param(case: Any, *, is_kept: bool) -> Any:
    values = case if isinstance(case, list | tuple) else (case,)
    return pytest.param(*values, marks=() if is_kept else PROOF)


def shares(nth: int, usual: int = 1) -> pytest.MarkDecorator:
    """Run a test with every nth of the cases that it goes through, and in proof with all.

    `usual`: in proof with every such one, and with all of them only with DEEP=1.
    """
    most = deep(usual, 1)
    params = [
        pytest.param(nth, id=f"every {nth}th"),
        pytest.param(most, id="all" if most == 1 else f"every {most}th", marks=PROOF),
    ]
    return pytest.mark.parametrize("nth", params)


def every(
    nth: int, cases: Iterable[Case], by: Callable[[Case], object] = lambda _case: None
) -> list[Case]:
    """Every nth case, the first and the last among them; of each kind, if `by` tells kinds."""
    kinds: dict[object, list[Case]] = {}
    for case in cases:
        kinds.setdefault(by(case), []).append(case)
    return [case for kind in kinds.values() for case in [*kind[:-1:nth], kind[-1]]]
