"""The chain's rules as modules: the real ones, or with one edit each (a mutant)."""

import sys
from dataclasses import dataclass, field
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

PACKAGE = "sfn_cqrs.domain"
MODULES = ("process", "versioning", "chain")


@dataclass(frozen=True)
class Edit:
    """A text that stands exactly once in a module of the rules, and what replaces it."""

    module: str
    old: str
    new: str


@dataclass(frozen=True)
class Rules:
    """The modules `process`, `versioning` and `chain`, belonging together."""

    process: Any
    versioning: Any
    chain: Any
    errors: Any = field(repr=False)


@cache
def source(module: str) -> str:
    spec = find_spec(f"{PACKAGE}.{module}")
    if spec is None or spec.origin is None:
        raise LookupError(module)
    return Path(spec.origin).read_text(encoding="utf-8")


@cache
def load_rules(*edits: Edit) -> Rules:
    """Execute the modules with the edits; each sees the others' edited form."""
    names = [f"{PACKAGE}.{module}" for module in MODULES]
    before = {name: sys.modules.pop(name, None) for name in names}
    made: dict[str, ModuleType] = {}
    try:
        for module, name in zip(MODULES, names, strict=True):
            text = source(module)
            for edit in edits:
                if edit.module == module:
                    text = edited(text, edit)
            made[module] = sys.modules[name] = ModuleType(name)
            exec(compile(text, f"<{name}>", "exec"), made[module].__dict__)
    finally:
        for name, real in before.items():
            sys.modules.pop(name, None)
            if real is not None:
                sys.modules[name] = real
    from sfn_cqrs.domain import errors  # noqa: PLC0415 - the rules' own errors are not edited

    return Rules(made["process"], made["versioning"], made["chain"], errors)


def edited(text: str, edit: Edit) -> str:
    """Return a module's text with an edit.

    Raises:
        ValueError: the rule has been written otherwise; which says nothing about the rule.
    """
    found = text.count(edit.old)
    if found != 1:
        raise ValueError(
            f"{edit.module}.py has the text of a mutant {found} times, not once. Write the mutant"
            f" anew; the rule may be right: {edit.old!r}"
        )
    return text.replace(edit.old, edit.new)
