"""No folder of this repository has one entry, but where a name or a tool asks for it."""

from collections import defaultdict
from collections.abc import Iterable
from fnmatch import fnmatchcase
from pathlib import PurePosixPath

from tests.support.project import tracked

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
