"""Fragments of code in syntax trees: however they are formatted, wherever their definition is."""

import ast
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

_BLOCKS = ("body", "orelse", "finalbody")


def definitions(body: list[ast.stmt], above: str = "") -> Iterator[tuple[str, ast.stmt]]:
    """Yield what a body defines, by its qualified name: functions, classes and other names."""
    for one in body:
        for name in _names_of(one):
            yield above + name, one
        if isinstance(one, ast.ClassDef):
            yield from definitions(one.body, f"{above}{one.name}.")


def _names_of(one: ast.stmt) -> list[str]:
    if isinstance(one, ast.FunctionDef | ast.ClassDef):
        return [one.name]
    targets = one.targets if isinstance(one, ast.Assign) else [getattr(one, "target", None)]
    return [target.id for target in targets if isinstance(target, ast.Name)]


class Editor(ast.NodeTransformer):
    """Changes a definition in place wherever it can, and counts how often."""

    count = 0

    def put(self, new: Any) -> Any:
        self.count += 1
        return deepcopy(new)


def replacing(before: str, after: str | None) -> Editor:
    """Replace a fragment, or drop it if `after` is None."""
    old, new = ast.parse(before).body, None if after is None else ast.parse(after).body
    one, other = _expression(old), _expression(old if new is None else new)
    if one and other:
        return _Expressions(one, None if new is None else other)
    return _Statements(old, new or [])


def replacing_text(before: str, after: str | None) -> Editor:
    """Replace a part of a text."""
    return _Texts(before, after or "")


def _expression(body: list[ast.stmt]) -> ast.expr | None:
    return body[0].value if len(body) == 1 and isinstance(body[0], ast.Expr) else None


class _Texts(Editor):
    """Changes a part of the texts of a definition."""

    def __init__(self, old: str, new: str) -> None:
        self._old, self._new = old, new

    def visit_Constant(self, node: ast.Constant) -> ast.Constant:
        """Change a text."""
        if isinstance(node.value, str):
            self.count += node.value.count(self._old)
            node.value = node.value.replace(self._old, self._new)
        return node


class _Expressions(Editor):
    """Replaces an expression, or takes it out of whatever has it."""

    def __init__(self, old: ast.expr, new: ast.expr | None) -> None:
        self._old, self._new = old, new

    def _is_dropped(self, node: ast.AST | None) -> bool:
        return self._new is None and is_like(self._old, node)

    def visit(self, node: ast.AST) -> Any:
        return self.put(self._new) if is_like(self._old, node) else super().visit(node)

    def visit_BoolOp(self, node: ast.BoolOp) -> ast.expr:
        self.generic_visit(node)
        return node if len(node.values) > 1 else node.values[0]

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        for one, other in ((node.left, node.right), (node.right, node.left)):
            if self._is_dropped(one):
                self.count += 1
                return other
        return self.generic_visit(node)

    def visit_Dict(self, node: ast.Dict) -> ast.AST:
        for number in reversed(range(len(node.keys))):
            if self._is_dropped(node.keys[number]):
                self.count += 1
                del node.keys[number], node.values[number]
        return self.generic_visit(node)

    def visit_Expr(self, node: ast.Expr) -> ast.AST | None:
        return self.put(None) if self._is_dropped(node.value) else self.generic_visit(node)

    def visit_keyword(self, node: ast.keyword) -> ast.AST | None:
        return self.put(None) if self._is_dropped(node.value) else self.generic_visit(node)


class _Statements(Editor):
    """Replaces statements that follow each other, or an argument that is written as `name=value`.

    A body of `...` stands for any body, and in what replaces it for the same.
    """

    def __init__(self, old: list[ast.stmt], new: list[ast.stmt]) -> None:
        self._old, self._new = old, new

    def generic_visit(self, node: ast.AST) -> ast.AST:
        for field in _BLOCKS:
            if isinstance(block := getattr(node, field, None), list):
                block[:] = self._edited(block)
        return super().generic_visit(node)

    def _edited(self, block: list[ast.stmt]) -> list[ast.stmt]:
        size = len(self._old)
        for at in range(len(block) - size + 1):
            if is_like(self._old, found := block[at : at + size]):
                new = [_filled(one, found) for one in self.put(self._new)]
                return [*block[:at], *new, *self._edited(block[at + size :])] or [ast.Pass()]
        return block

    def visit_keyword(self, node: ast.keyword) -> ast.AST | None:
        written = ast.parse(f"{node.arg or '_'}={ast.unparse(node.value)}").body
        if not is_like(self._old, written):
            return self.generic_visit(node)
        [new] = self.put(self._new) or [None]
        return new and ast.keyword(new.targets[0].id, new.value)


def _filled(new: ast.stmt, found: list[ast.stmt]) -> ast.stmt:
    if _is_any_body(getattr(new, "body", [])):
        [new.body] = [one.body for one in found if isinstance(one, type(new))]
    return new


def is_like(wanted: Any, found: Any) -> bool:
    """Compare syntax trees without their places in the text; a body of `...` is like any body."""
    if isinstance(wanted, list):
        return _is_any_body(wanted) or (
            len(wanted) == len(found) and all(map(is_like, wanted, found))
        )
    if isinstance(wanted, ast.AST):
        return type(wanted) is type(found) and all(
            is_like(value, getattr(found, name)) for name, value in ast.iter_fields(wanted)
        )
    return type(wanted) is type(found) and bool(wanted == found)


def _is_any_body(wanted: list[Any]) -> bool:
    only = wanted[0] if len(wanted) == 1 else None
    return isinstance(only, ast.Expr) and ast.dump(only.value) == "Constant(value=Ellipsis)"
