"""No module needs itself: neither when it runs nor for its types."""

import ast
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import sfn_local

ROOT = Path(sfn_local.__file__).parent
PACKAGE = sfn_local.__name__

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
            for imported in _imported(ast.parse(text), texts)
            for module in _with_packages(imported)
            if module in texts and not f"{name}.".startswith(f"{module}.")
        }
        for name, text in texts.items()
    }


def _imported(tree: ast.Module, known: dict[str, str]) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                submodule = f"{node.module}.{alias.name}"
                yield submodule if submodule in known else str(node.module)


def _with_packages(module: str) -> Iterator[str]:
    parts = module.split(".")
    return (".".join(parts[:end]) for end in range(1, len(parts) + 1))


def cycle(graph: Imports) -> list[str]:
    """Modules that need each other, each the next one; empty where there are none."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def test_no_module_of_the_engine_needs_itself() -> None:
    graph = imports(sources())

    assert len(graph) > 100
    assert cycle(graph) == []


@pytest.mark.parametrize(
    "text",
    [
        "from p import b",
        "from p.b import something",
        "import p.b",
        "if TYPE_CHECKING:\n    from p.b import B",
        "def later():\n    from p.b import b",
        "from p.c import something",
    ],
)
def test_a_cycle_is_found(text: str) -> None:
    texts = {"p": "", "p.a": text, "p.b": "from p.a import A", "p.c": "from p.c.d import d"}
    texts["p.c.d"] = "from p.a import A"

    assert "p.a" in cycle(imports(texts))
