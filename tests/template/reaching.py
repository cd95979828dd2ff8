"""Which functions may reach a definition of the layer, by the names that stand in what they use.

A definition is a function, a class with all its methods, or an assignment at the top of a module;
so more is reached here than by any call.
"""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from tests.template.stack import ROOT

LAYER = ROOT / "layer"
Node = tuple[str, str]


class Module:
    """A module's definitions, and what its names stand for."""

    def __init__(self, name: str, path: Path) -> None:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        self.name = name
        self.bodies: dict[str, list[ast.stmt]] = {}
        for statement in tree.body:
            for defined in _defined(statement):
                self.bodies.setdefault(defined, []).append(statement)
        self.imported = dict(_imported(tree))

    def used(self, definition: str) -> Iterator[str]:
        """Yield dotted names that a definition uses, those of other modules in full."""
        if definition in self.imported:  # a door hands on what another module defines
            yield self.imported[definition]
        for statement in self.bodies.get(definition, []):
            for node in ast.walk(statement):
                if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                    yield f"{self._full(node.value.id)}.{node.attr}"
                elif isinstance(node, ast.Name):
                    yield self._full(node.id)

    def _full(self, name: str) -> str:
        return self.imported.get(name, f"{self.name}.{name}")


def _defined(statement: ast.stmt) -> Iterator[str]:
    match statement:
        case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
            yield name
        case ast.Assign() | ast.AnnAssign():
            targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
            names = (node for target in targets for node in ast.walk(target))
            yield from (node.id for node in names if isinstance(node, ast.Name))


def _imported(tree: ast.Module) -> Iterator[tuple[str, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            for one in node.names:
                yield one.asname or one.name, f"{node.module}.{one.name}"


@cache
def _modules() -> dict[str, Module]:
    paths = sorted((LAYER / "sfn_cqrs").rglob("*.py"))
    names = [".".join(path.relative_to(LAYER).with_suffix("").parts) for path in paths]
    return {
        name.removesuffix(".__init__"): Module(name.removesuffix(".__init__"), path)
        for name, path in zip(names, paths, strict=True)
    }


def _node(dotted: str) -> Node | None:
    module, _, name = dotted.rpartition(".")
    return (module, name) if module in _modules() else None


def reaches(app: Path, target: str) -> bool:
    """Whether a function's file reaches a definition, such as `load` of the handlers."""
    start = Module("app", app)
    ahead = {node for name in start.bodies for used in start.used(name) if (node := _node(used))}
    seen: set[Node] = set()
    while ahead:
        node = ahead.pop()
        if ".".join(node) == target:
            return True
        seen.add(node)
        used = map(_node, _modules()[node[0]].used(node[1]))
        ahead |= {one for one in used if one} - seen
    return False
