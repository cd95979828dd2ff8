"""Mutants of the catalogue are found by the tests that they name: every twelfth; DEEP=1: each."""

import pytest
from tests.mutants.catalogue import MUTANTS
from tests.mutants.running import Verdict, a_copy
from tests.support.proof import deep, sampled


@pytest.fixture(scope="module")
def tree():
    with a_copy() as copied:
        yield copied


@pytest.mark.parametrize("mutant", sampled(deep(MUTANTS[::12], MUTANTS), keep=1), ids=str)
def test_a_mutant_is_found(tree, mutant):
    verdict, said = tree.try_(mutant)

    assert verdict is Verdict.FOUND, said
