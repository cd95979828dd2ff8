"""Tests name the layer's modules by importing them, so that a module may move."""

import ast

import pytest
from tests.support.places import (
    KIND_OF_NAME,
    LAYER,
    PARTS,
    ROUTES,
    RULES,
    SERVICE,
    TABLES,
    dotted,
    kind_of,
    of_kind,
)
from tests.template.stack import ROOT, modules

import sfn_cqrs

PATCHES = {"setattr", "patch", "delattr"}

FORMER_PROJECT = ROOT / "tools/tests/local/former_project"  # as the release before wrote it


def named_in_strings(tree: ast.Module) -> list[str]:
    """What a test replaces and names in a string, with its module."""
    return [
        str(node.args[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and ast.unparse(node.func).rpartition(".")[2] in PATCHES
        and node.args
        and isinstance(node.args[0], ast.Constant)
        and str(node.args[0].value).startswith(f"{sfn_cqrs.__name__}.")
    ]


def test_no_test_names_in_a_string_what_it_replaces() -> None:
    found = {
        path.relative_to(ROOT).as_posix(): names
        for path, tree in modules("tests", "examples", naming=f'"{sfn_cqrs.__name__}.')
        if FORMER_PROJECT not in path.parents and (names := named_in_strings(tree))
    }

    assert found == {}


@pytest.mark.parametrize(
    ("source", "count"),
    [
        ('monkeypatch.setattr("sfn_cqrs.a.b", 1)', 1),
        ('with patch("sfn_cqrs.a.b"): ...', 1),
        ('monkeypatch.setattr(module, "b", 1)', 0),
        ('monkeypatch.setattr("sfn_cqrs_tools.a.b", 1)', 0),
    ],
)
def test_a_name_in_a_string_is_found(source: str, count: int) -> None:
    assert len(named_in_strings(ast.parse(source))) == count


@pytest.mark.parametrize("kind", [TABLES, PARTS, RULES, ROUTES, SERVICE])
def test_each_kind_has_modules_and_none_is_of_two(kind: str) -> None:
    files = of_kind(kind)

    assert len(files) > 10
    assert {kind_of(dotted(path)) for path in files} == {kind}


def test_every_name_of_a_kind_is_a_files() -> None:
    files = {path.stem for path in (ROOT / LAYER).rglob("*.py")}

    assert KIND_OF_NAME.keys() - files == set()


def test_no_folder_of_the_layer_has_one_file() -> None:
    folders = {path.parent for path in (ROOT / LAYER).rglob("*.py")}
    few = [each for each in folders if len([*each.glob("*.py"), *each.glob("*/__init__.py")]) < 3]

    assert [each.name for each in few if each.name != "machines"] == []
