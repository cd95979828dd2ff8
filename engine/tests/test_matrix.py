"""The page of the conformance matrix is made of its figures, and of what another script wrote."""

import importlib.util
import json
from pathlib import Path
from types import ModuleType

import pytest

FOLDER = Path(__file__).parents[1] / "conformance"


@pytest.fixture(scope="module")
def matrix() -> ModuleType:
    """Return the script as a module."""
    spec = importlib.util.spec_from_file_location("conformance_matrix", FOLDER / "matrix.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_keeps_the_section_of_public_definitions(matrix: ModuleType) -> None:
    before = matrix.PAGE.read_text("utf-8")
    made = matrix.page(json.loads(matrix.FIGURES.read_text("utf-8")), before)

    assert "<!-- held-out -->" in before
    assert made == before


def test_a_page_without_that_section_is_made_too(matrix: ModuleType) -> None:
    figures = {"sfn-local": {"version": "1", "day": "2026-12-02", "areas": {"map": [1, 2]}}}

    assert "| map | 1/2 |" in matrix.page(figures, "")
    assert matrix.OTHERS not in matrix.page(figures, "")
