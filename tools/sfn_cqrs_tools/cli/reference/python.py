"""The page of the Python API: signatures and docstrings of what the doors have in `__all__`.

It is read from the source, so that no module is imported and every Python writes the same page.
"""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

Function = ast.FunctionDef | ast.AsyncFunctionDef

DOORS: Final = (
    "types",
    "commands",
    "read_models",
    "tasks",
    "imports",
    "approvals",
    "sagas",
    "workflows",
    "routes",
    "notices",
    "errors",
)
"""The modules below sfn_cqrs that a package imports from."""
TESTING: Final = ("builders", "golden", "plugin", "simulation")
"""The modules below sfn_cqrs_tools.testing that the tests of a package import from."""
HEAD: Final = """# Python API

Names that your package imports, with signatures and docstrings, by the module that has them. Made
by `make reference`; do not edit. All other names are internal and may change without notice.
[errors.md](errors.md) explains each error.
"""
_SECTION: Final = re.compile(r"^(Args|Raises|Returns|Yields):$", re.MULTILINE)


def python_api(root: Path) -> str:
    """Return the page, in Markdown: a section for each module that a package imports from."""
    lines = [HEAD]
    for module, names in public_names(root).items():
        tree = _tree(root, module)
        lines += [f"## {module}\n", f"{ast.get_docstring(tree)}\n"]
        for name, home in names.items():
            lines += _entry(root, home, name)
    return "\n".join(lines)


def public_names(root: Path) -> dict[str, dict[str, str]]:
    """Return the names of each module that a package imports from, with the module of each name."""
    modules = [f"sfn_cqrs.{door}" for door in DOORS]
    modules += [f"sfn_cqrs_tools.testing.{each}" for each in TESTING]
    return {module: _names(_tree(root, module), module) for module in modules}


def _names(tree: ast.Module, module: str) -> dict[str, str]:
    """Return what is in `__all__`, and where it is imported from: else it stands there."""
    (listed,) = (
        ast.literal_eval(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__"
    )
    homes = {
        one.name: node.module or ""
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        for one in node.names
    }
    return {name: homes.get(name, module) for name in listed}


def _tree(root: Path, module: str) -> ast.Module:
    folder = "tools" if module.startswith("sfn_cqrs_tools.") else "layer"
    path = root / folder / module.replace(".", "/")
    package = path / "__init__.py"
    path = package if package.exists() else path.with_suffix(".py")
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def _entry(root: Path, module: str, name: str) -> Iterator[str]:
    tree = _tree(root, module)
    body = [node for node in tree.body if not _is_overload(node)]
    for number, node in enumerate(body):
        if isinstance(node, ast.ClassDef) and node.name == name:
            yield from _class(node, _inherited(root, module, node))
        elif isinstance(node, Function) and node.name == name:
            yield from _function(node)
        elif isinstance(node, ast.Assign | ast.AnnAssign) and name in _assigned(node):
            yield from _value(name, body[number + 1])
    if not any(name in _defined(node) for node in body):
        yield from _module(_tree(root, f"{module}.{name}"), name)


def _is_overload(node: ast.stmt) -> bool:
    """Return whether it is one of several signatures; the function itself has the text."""
    if not isinstance(node, Function):
        return False
    return "overload" in map(ast.unparse, node.decorator_list)


def _defined(node: ast.stmt) -> list[str]:
    if isinstance(node, ast.ClassDef | Function):
        return [node.name]
    return _assigned(node)


def _assigned(node: ast.stmt) -> list[str]:
    if isinstance(node, ast.AnnAssign):
        return [ast.unparse(node.target)]
    return [ast.unparse(each) for each in node.targets] if isinstance(node, ast.Assign) else []


def _value(name: str, after: ast.stmt) -> Iterator[str]:
    """Tell a value by the text that stands behind it."""
    yield f"#### {name}\n"
    if isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant):
        yield _prose(inspect.cleandoc(str(after.value.value)))


def _module(tree: ast.Module, name: str) -> Iterator[str]:
    yield f"#### {name}\n"
    yield _prose(ast.get_docstring(tree) or "")
    for node in tree.body:
        if isinstance(node, Function) and _is_told(node):
            yield from _function(node, f"{name}.")


def _function(node: Function, owner: str = "") -> Iterator[str]:
    yield f"{'####' if not owner else '#####'} {owner}{node.name}\n"
    yield f"```text\n{_signature(node, owner)}\n```\n"
    yield _prose(ast.get_docstring(node) or "")


def _inherited(root: Path, module: str, node: ast.ClassDef) -> list[ast.stmt]:
    """Return what a class has from bases that no page tells of: its module imports them."""
    told = {name for names in public_names(root).values() for name in names}
    bases = {ast.unparse(base) for base in node.bases} - told
    return [
        one
        for home in ast.walk(_tree(root, module))
        if isinstance(home, ast.ImportFrom) and str(home.module).startswith("sfn_cqrs.")
        for name in {each.name for each in home.names} & bases
        for base in _tree(root, str(home.module)).body
        if isinstance(base, ast.ClassDef) and base.name == name
        for one in base.body
    ]


def _class(node: ast.ClassDef, inherited: list[ast.stmt]) -> Iterator[str]:
    yield f"#### {node.name}\n"
    bases = ", ".join(ast.unparse(base) for base in node.bases)
    yield f"```text\nclass {node.name}{f'({bases})' if bases else ''}\n```\n"
    yield _prose(ast.get_docstring(node) or "")
    fields = [
        f"- `{ast.unparse(one).partition(' = ')[0]}`"
        for one in node.body
        if isinstance(one, ast.AnnAssign) and not ast.unparse(one.target).startswith("_")
    ]
    if fields:
        yield "\n".join(fields) + "\n"
    own = {one.name for one in node.body if isinstance(one, Function)}
    for one in [*node.body, *(each for each in inherited if not {*_defined(each)} & own)]:
        if isinstance(one, Function) and _is_told(one):
            yield from _function(one, f"{node.name}.")


def _is_told(node: Function) -> bool:
    return node.name == "__init__" or not node.name.startswith("_")


def _signature(node: Function, owner: str) -> str:
    """Return a signature on one line, or with one argument per line if it is long."""
    decorators = [ast.unparse(one) for one in node.decorator_list]
    arguments = "" if "part" in decorators else ast.unparse(node.args)
    for own in ("self, ", "cls, ", "self", "cls"):
        if owner and arguments.startswith(own):
            arguments = arguments.removeprefix(own)
            break
    answer = f" -> {ast.unparse(node.returns)}" if node.returns else ""
    name = owner.rstrip(".") if node.name == "__init__" else f"{owner}{node.name}"
    if "property" in decorators:
        return f"{name}{answer.replace(' ->', ':')}"
    return f"{name}({arguments}){'' if node.name == '__init__' else answer}"


def _prose(docstring: str) -> str:
    """Return a docstring in Markdown: its sections are lists."""
    text, *sections = _SECTION.split(docstring)
    parts = [text.strip()]
    for title, body in zip(sections[::2], sections[1::2], strict=True):
        entries = re.split(r"\n(?=\S)", _dedented(body).strip("\n"))
        listed = "\n".join(f"- {' '.join(entry.split())}" for entry in entries)
        parts.append(f"{title}:\n\n{listed}")
    return "\n\n".join(filter(None, parts)) + "\n"


def _dedented(body: str) -> str:
    lines = body.split("\n")
    return "\n".join(line.removeprefix("    ") for line in lines)
