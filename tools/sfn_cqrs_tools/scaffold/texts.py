"""The texts of new files: Jinja templates in the folders beside this module."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import jinja2

from sfn_cqrs_tools.scaffold.app_package import LINE, call
from sfn_cqrs_tools.scaffold.names import function_id, pascal, snake


def text(template: str, /, **values: object) -> str:
    """Return a text from its template, such as `app/task.py`."""
    return _TEMPLATES.get_template(f"{template}.j2").render(values)


def literal(value: Any) -> str:
    """Return a value as Python code, with the formatter's quotes."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(_entries(value)) + "}"
    if not isinstance(value, str):
        return repr(value)
    quoted = json.dumps(value, ensure_ascii=False)
    if '"' in value and "'" not in value:
        return "'" + quoted[1:-1].replace('\\"', '"') + "'"
    return quoted


def _entries(value: Any) -> list[str]:
    if isinstance(value, Mapping):
        return [f"{literal(name)}: {literal(one)}" for name, one in value.items()]
    return [literal(one) for one in value]


def _listed(value: Any, margin: str = "") -> str:
    """Return a dict, list or tuple as a formatter leaves it: one entry a line."""
    brackets = repr(type(value)())
    inner = "".join(f"\n{margin}    {entry}," for entry in _entries(value))
    return f"{brackets[0]}{inner}\n{margin}{brackets[1]}" if inner else brackets


def _imports(block: str) -> str:
    """Return import statements as a formatter orders them: one for each module."""
    names: dict[str, set[str]] = {}
    for line in filter(None, map(str.strip, block.splitlines())):
        module, listed = line.removeprefix("from ").split(" import ")
        names.setdefault(module, set()).update(listed.split(", "))
    return "\n".join(_import(module, names[module]) for module in sorted(names))


def _import(module: str, names: set[str]) -> str:
    ordered = sorted(names, key=lambda name: (not name.isupper(), name.islower(), name.lower()))
    line = f"from {module} import {', '.join(ordered)}"
    listed = "".join(f"    {name},\n" for name in ordered)
    return line if len(line) <= LINE else f"from {module} import (\n{listed})"


_TEMPLATES: Final = jinja2.Environment(
    loader=jinja2.FileSystemLoader(Path(__file__).parent),
    undefined=jinja2.StrictUndefined,
    keep_trailing_newline=True,
    autoescape=False,  # nosec B701
)
_TEMPLATES.filters["imports"] = _imports
_TEMPLATES.globals |= {
    "call": call,
    "function_id": function_id,
    "listed": _listed,
    "literal": literal,
    "pascal": pascal,
    "snake": snake,
    "tuple": tuple,
}
