"""What modules import: nothing that needs them in turn, and nothing that is not a dependency."""

import ast
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import sfn_local

ROOT = Path(sfn_local.__file__).parent
PACKAGE = sfn_local.__name__
OF_EXTRAS = {"boto3", "botocore", "mcp", "pyarrow", "zstandard"}
OF_THE_PROJECT = {
    "aws_lambda_powertools",
    "sfn_cqrs",
    "sfn_cqrs_tools",
    "shop",
    "starter",
    "rich",
    "tests",
}

Imports = dict[str, set[str]]


def sources() -> dict[str, str]:
    """The text of each module of the engine, by its name."""
    found = {}
    for path in ROOT.rglob("*.py"):
        parts = path.relative_to(ROOT).with_suffix("").parts
        found[".".join((PACKAGE, *parts)).removesuffix(".__init__")] = path.read_text("utf-8")
    return found


def imports(texts: dict[str, str]) -> Imports:
    """What each module imports of the others, for its types too, with the packages above that."""
    return {
        name: {
            module
            for imported in imported_by(text, texts)
            for module in _with_packages(imported)
            if module in texts and not f"{name}.".startswith(f"{module}.")
        }
        for name, text in texts.items()
    }


def imported_by(text: str, known: dict[str, str]) -> Iterator[str]:
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                submodule = f"{node.module}.{alias.name}"
                yield submodule if submodule in known else str(node.module)
        elif isinstance(node, ast.Call) and _name(node.func).endswith("import_module"):
            yield from (str(each.value) for each in node.args if isinstance(each, ast.Constant))


def _name(called: ast.expr) -> str:
    return str(getattr(called, "id", getattr(called, "attr", "")))


def _with_packages(module: str) -> Iterator[str]:
    parts = module.split(".")
    return (".".join(parts[:end]) for end in range(1, len(parts) + 1))


def rooms(graph: Imports) -> Imports:
    """The imports between the folders and single modules of the package."""
    found: Imports = defaultdict(set)
    for name, imported in graph.items():
        found[_room(name)] |= {_room(module) for module in imported} - {_room(name)}
    return found


def _room(module: str) -> str:
    return module.split(".", 2)[1] if "." in module else module


def cycle(graph: Imports) -> list[str]:
    """Modules that need each other, each the next one; empty where there are none."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


@pytest.fixture(scope="module")
def graph() -> Imports:
    return imports(sources())


def test_no_module_needs_itself(graph: Imports) -> None:
    assert len(graph) > 100
    assert cycle(graph) == []


def test_no_room_needs_itself(graph: Imports) -> None:
    assert cycle(rooms(graph)) == []


@pytest.mark.parametrize(
    "text",
    [
        "from p import b",
        "from p.b import something",
        "import p.b",
        "if TYPE_CHECKING:\n    from p.b import B",
        "def later():\n    from p.b import b",
        "def later():\n    return import_module('p.b')",
        "from p.c import something",
    ],
)
def test_a_cycle_is_found(text: str) -> None:
    texts = {"p": "", "p.a": text, "p.b": "from p.a import A", "p.c": "from p.c.d import d"}
    texts["p.c.d"] = "from p.a import A"

    assert "p.a" in cycle(imports(texts))


def test_a_cycle_of_rooms_is_found() -> None:
    texts = {"p": "", "p.a.x": "from p.b.x import x", "p.a.y": "", "p.b.x": "from p.a.y import y"}

    assert cycle(imports(texts)) == []
    assert sorted(set(cycle(rooms(imports(texts))))) == ["a", "b"]


def test_every_module_is_imported_without_extras_and_without_the_project() -> None:
    absent = sorted(OF_EXTRAS | OF_THE_PROJECT)
    program = f"""
import importlib, sys
sys.modules.update(dict.fromkeys({absent}))
for name in {sorted(sources())}:
    if not name.endswith("__main__"):
        importlib.import_module(name)
"""
    subprocess.run([sys.executable, "-c", program], check=True)


def test_the_project_is_imported_nowhere_and_extras_where_they_belong() -> None:
    found: Imports = defaultdict(set)
    for name, text in sources().items():
        for imported in imported_by(text, {}):
            top = imported.partition(".")[0]
            if top in OF_EXTRAS | OF_THE_PROJECT:
                found[name].add(top)

    assert found == {
        "sfn_local.calls.boto": {"boto3", "botocore"},
        "sfn_local.distributed.items": {"pyarrow", "zstandard"},
        "sfn_local.mcp_server": {"mcp"},
    }


def test_the_engines_tests_need_nothing_of_the_project() -> None:
    texts = [path.read_text("utf-8") for path in Path(__file__).parent.rglob("*.py")]
    found = {name.partition(".")[0] for text in texts for name in imported_by(text, {})}

    assert found & OF_THE_PROJECT == set()
