"""Tests name the layer's modules by importing them, so that a module may move."""

import ast
from collections import defaultdict
from collections.abc import Iterable
from fnmatch import fnmatchcase
from pathlib import PurePosixPath

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
from tests.support.project import tracked
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


ALONE = {
    "*functions/*": "its code is alone in a function's folder; a trigger may have one function",
    "examples/shop/functions": "the functions of its machine of its own",
    "events/*": "the folder has the name of its functions'",
    "tests/unit/*": "the folder has the name of its functions', its room or the user's package",
    "*app": "on the path, so that the package in it is found by its name",
    "*app/*": "a user's package, and the migrations in it",
    "engine/node/bin": "where npm looks for the programs of a package",
    "layer/postgres": "a layer of its own, which SAM builds from its requirements",
    ".devcontainer": "its place is fixed",
    "*.github*": "its place is fixed",
    "tools/tests/local/*": "whole projects, as a user has them",
}
"""Folders that may have one entry, each with the reason."""


def with_one_entry(files: Iterable[str]) -> list[str]:
    """Return the folders that hold one file or one folder, and are not allowed to."""
    entries = defaultdict(set)
    for path in map(PurePosixPath, files):
        for inner, folder in zip([path, *path.parents], path.parents, strict=False):
            entries[folder.as_posix()].add(inner.name)
    few = [each for each, names in entries.items() if len(names - {"__init__.py"}) < 2]
    return sorted(each for each in few if not any(fnmatchcase(each, one) for one in ALONE))


def test_no_folder_of_the_repository_has_one_entry() -> None:
    assert with_one_entry(tracked()) == []


def test_a_folder_with_one_file_or_one_folder_is_found() -> None:
    files = [
        "a.md",
        "tests/clone/run.py",
        "tests/unit/live/test_a.py",
        "tests/unit/conftest.py",
        "tests/b.py",
        "x/y/a.py",
        "x/y/b.py",
    ]

    assert with_one_entry(files) == ["tests/clone", "x"]
