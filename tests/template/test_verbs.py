"""What acts is called by a verb; a participle is a value: `_sent(…)` in an index hides calls."""

import ast
from collections.abc import Iterator

import pytest
from tests.template.stack import modules

IRREGULAR = {
    *("begun", "built", "done", "drawn", "given", "kept", "known"),
    *("made", "seen", "sent", "shown", "taken", "told", "written"),
}
OF_VALUES = {
    *("add", "append", "clear", "discard", "encode", "extend"),
    *("pop", "remove", "setdefault", "sort", "update", "write"),
}
"""What a function calls to make its own answer."""
ASKS = ("check", "require", "needed", "refuse", "validate")
"""Begins the names of what only refuses."""
BESIDE = ("logger", "time")
"""Who logs or waits still only answers."""
NO_PARTICIPLES = ("need", "proceed", "succeed")
AWS = {
    *("batch_write_item", "delete_item", "delete_object", "publish", "put_item", "put_object"),
    *("send_message", "start_execution", "transact_write_items", "update_item"),
}
ALLOWED = {
    "kernel/models/fields.py": {"made"},
    "machines/command/handlers.py": {"registered"},
}
"""Converts only to name the wrong field; loads the user's package, as all that look names up do."""


def acting(tree: ast.Module) -> Iterator[str]:
    """Yield functions that a participle names, and that call something for what it does."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and _is_participle(node.name):
            is_value = any("contextmanager" in ast.unparse(one) for one in node.decorator_list)
            if not is_value and any(map(_acts, ast.walk(node))):
                yield node.name


def _is_participle(name: str) -> bool:
    first = name.strip("_").partition("_")[0]
    return first in IRREGULAR or (first.endswith("ed") and first not in NO_PARTICIPLES)


def _acts(node: ast.AST) -> bool:
    if (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in AWS
    ):
        return True
    if not isinstance(node, ast.Expr) or not isinstance(node.value, ast.Call):
        return False
    called = ast.unparse(node.value.func)
    name = called.rpartition(".")[2]
    is_beside = called.partition(".")[0] in BESIDE or name in OF_VALUES
    return not is_beside and not name.strip("_").startswith(ASKS)


def test_no_participle_names_what_acts() -> None:
    found = {}
    for path, tree in modules("layer/sfn_cqrs"):
        place = path.as_posix().partition("sfn_cqrs/")[2]
        if names := {*acting(tree)} - ALLOWED.get(place, set()):
            found[place] = names

    assert found == {}


@pytest.mark.parametrize(
    ("source", "is_found"),
    [
        ("def _sent(outbox):\n    outbox.send()", True),
        ("def made(table):\n    return table.put_item(Item={})", True),
        ("def send(outbox):\n    outbox.send()", False),
        ("def shown(rows):\n    found = []\n    found.append(rows)\n    return found", False),
        ("def named(text):\n    check_name(text)\n    return text", False),
        ("def kept(error):\n    logger.warning('left')\n    return error", False),
    ],
)
def test_a_participle_that_acts_is_found(source: str, is_found: bool) -> None:
    assert bool([*acting(ast.parse(source))]) == is_found
