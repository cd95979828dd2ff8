"""Where the rules of the domain are used, and where an adapter spells one of its own."""

import ast
import re
from collections import Counter
from collections.abc import Iterable, Iterator

from tests.support.places import RULES, is_module, kind_of, name_of
from tests.support.places import module as module_of
from tests.template.stack import ROOT

from sfn_cqrs_tools.cli.reference.python import public_names

RULE = re.compile(r"(?P<attribute>#?[a-z_]+(\.[#a-z_]+)*)( (?:=|<>|<=?|>=?) :\w| IN \()")
"""A comparison of an attribute with a value, as a condition has it."""
KEYS = frozenset(("pk", "sk", "#ttl", "rev", "open_shard", "opened_at", "tenant_status", "index"))
"""What only finds or expires an item, or says which put has made it."""
DOORS = public_names(ROOT)
"""Maps each door to its names, with the module of each."""
OF_PARTS = ("'SWEEP'", "items_pk", "parts_pk")
"""The partitions of what belongs to a record, and is none."""


def names_in(node: ast.AST, bound: dict[str, str] | None = None) -> Counter[str]:
    """How often code names what: attributes by `.name`, of bound names what they are bound to."""
    bound = bound or {}
    named: Counter[str] = Counter()
    for each in ast.walk(node):
        if isinstance(each, ast.Name):
            named[bound.get(each.id, each.id)] += 1
        elif isinstance(each, ast.Attribute):
            named[f".{each.attr}"] += 1
            if isinstance(each.value, ast.Name):
                named[f"{bound.get(each.value.id)}.{each.attr}"] += 1
    return named


def bound_in(tree: ast.Module, module: str = "") -> dict[str, str]:
    """What of the domain a module's names mean, by whatever door; those it defines are its own."""
    bound = {
        alias.asname or alias.name: told
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
        if (told := _told(_home(node.module or "", alias.name), alias.name))
    }
    own = (name for name, _ in definitions(tree) if "." not in name) if module else ()
    return bound | {name: f"{module}.{name}" for name in own}


def _told(module: str, name: str) -> str:
    """What is imported, by the name of its module; empty if it is nothing of the domain."""
    full = f"{module}.{name}"
    if is_module(full):
        return name_of(full) if kind_of(full) == RULES else ""
    return f"{name_of(module)}.{name}" if kind_of(module) == RULES else ""


def _home(module: str, name: str) -> str:
    """The module that has a name: behind a door, if it comes through one."""
    return DOORS.get(module, {}).get(name, module)


def definitions(tree: ast.Module) -> Iterator[tuple[str, ast.AST]]:
    """The functions, classes and methods of a module, each by its name."""
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node.name, node
        if isinstance(node, ast.ClassDef):
            yield from ((f"{node.name}.{each.name}", each) for each in _methods(node))


def unused(trees: dict[str, ast.Module], users: Iterable[ast.Module]) -> set[str]:
    """What modules of the domain define and nobody names, but the definition itself and imports."""
    bound = {module: bound_in(tree, module) for module, tree in trees.items()}
    named: Counter[str] = Counter()
    for tree in users:
        named.update(names_in(tree, bound_in(tree)))
    for module, tree in trees.items():
        named.update(names_in(tree, bound[module]))
    found = set()
    for module, tree in trees.items():
        for name, node in definitions(tree):
            called = f"{module}.{name}" if "." not in name else f".{name.rpartition('.')[2]}"
            is_named = named[called] > names_in(node, bound[module])[called]
            if not is_named and not _is_asked_for_elsewhere(module, name):
                found.add(f"{module}.{name}")
    return found


def conditions(tree: ast.Module) -> set[str]:
    """The functions of an adapter that compare an attribute in a condition, by their names."""
    constants = {
        target.id: ast.unparse(node.value).lstrip("f'\"")
        for node in tree.body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    return {
        function.name
        for function in _functions(tree)
        if any(map(_is_rule, _texts(function, constants)))
    }


def updates_of_records(tree: ast.Module) -> set[str]:
    """The functions that update an item which is not known to be only a part of a record."""
    found = set()
    for function in _functions(tree):
        for key in _updated_keys(function):
            if not any(part in key for part in OF_PARTS):
                found |= _callers_of_records(tree, function, key)
    return found


def _methods(node: ast.ClassDef) -> Iterator[ast.FunctionDef]:
    return (
        each
        for each in node.body
        if isinstance(each, ast.FunctionDef) and not each.name.startswith("__")
    )


def _is_asked_for_elsewhere(module: str, name: str) -> bool:
    """Whether a method is another package's to call, such as one of a file."""
    kind, _, method = name.rpartition(".")
    if not kind:
        return False
    found = getattr(module_of(RULES, module), kind)
    return any(hasattr(base, method) for base in found.__mro__[1:])


def _functions(tree: ast.Module) -> Iterator[ast.FunctionDef]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))


def _texts(function: ast.FunctionDef, constants: dict[str, str]) -> Iterator[str]:
    docstring = ast.get_docstring(function, clean=False)
    for node in ast.walk(function):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            if node.value != docstring:
                yield node.value
        elif isinstance(node, ast.Name) and node.id in constants:
            yield constants[node.id]


def _is_rule(text: str) -> bool:
    if text.startswith(("SET ", "ADD ", "REMOVE ")):
        return False
    return any(found["attribute"] not in KEYS for found in RULE.finditer(text))


def _updated_keys(function: ast.FunctionDef) -> Iterator[str]:
    for node in ast.walk(function):
        if isinstance(node, ast.Call):
            named = {each.arg or ast.unparse(each.value): each.value for each in node.keywords}
        elif isinstance(node, ast.Dict):
            keys = [each.value if isinstance(each, ast.Constant) else "" for each in node.keys]
            named = {str(key): value for key, value in zip(keys, node.values, strict=True)}
        else:
            continue
        is_update = any(name.startswith(("UpdateExpression", "update(")) for name in named)
        if is_update and "Key" in named:
            yield ast.unparse(named["Key"])


def _callers_of_records(tree: ast.Module, function: ast.FunctionDef, key: str) -> set[str]:
    """Who gives a function that updates what it is given a key of a record; or itself."""
    if "pk': pk" not in key or "pk" not in [each.arg for each in function.args.args]:
        return {function.name}
    return {
        caller.name
        for caller in _functions(tree)
        for node in ast.walk(caller)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == function.name
        and not any(part in ast.unparse(node.args[0]) for part in OF_PARTS)
    }
