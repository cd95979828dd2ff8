"""The chain's rules as modules: the real ones, or with faults (a mutant)."""

import ast
import sys
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

from tests.mutants.mutant import Edit

from sfn_cqrs.kernel import errors
from sfn_cqrs.machines.command import chain, process

MODULES = {"process": process, "chain": chain}


@dataclass(frozen=True)
class Rules:
    """The modules `process` and `chain`, belonging together."""

    process: Any
    chain: Any
    errors: Any = field(repr=False)


def edited(*edits: Edit) -> dict[str, ast.Module]:
    """Return the modules' syntax trees with edits.

    Raises:
        MovedError: a rule has been written otherwise; which says nothing about the rule.
    """
    files = {name: Path(str(module.__file__)) for name, module in MODULES.items()}
    trees = {file: ast.parse(file.read_text(encoding="utf-8")) for file in files.values()}
    for edit in edits:
        edit.put_into(trees)
    return {name: trees[file] for name, file in files.items()}


@cache
def load_rules(*edits: Edit) -> Rules:
    """Execute the modules with edits; each sees the others' edited form."""
    trees = edited(*edits)
    names = {name: module.__name__ for name, module in MODULES.items()}
    before = {name: sys.modules.pop(name, None) for name in names.values()}
    made: dict[str, ModuleType] = {}
    try:
        for module, name in names.items():
            made[module] = sys.modules[name] = ModuleType(name)
            exec(compile(trees[module], f"<{name}>", "exec"), made[module].__dict__)
    finally:
        for name, real in before.items():
            sys.modules.pop(name, None)
            if real is not None:
                sys.modules[name] = real
    return Rules(**made, errors=errors)
