"""The framework names nothing of its example, examples/shop: a user's project has other types."""

import ast
import re

import pytest
from tests.template.stack import ROOT

PLACES = ("events", "functions", "layer", "statemachine", "template.yaml", "tools/sfn_cqrs_tools")
TEXTS = {".asl.json", ".html", ".j2", ".json", ".md", ".mk", ".py", ".toml", ".yaml"}
OF_SHOP = re.compile(
    r"\b(ORDER|STOCK|PAYMENT|shop)\b(?! BY)|ORDER_RE|orders?_(by|saga|search)|[Oo]rder-?[Ss]aga"
)
SAMPLE = re.compile(r"ORDER(_REMINDER|_RELEASE)?|orders_(by_customer|search)|[Oo]rder[-_]?[Ss]aga")
"""What every page, help text and docstring speaks of; a line of them may name it."""
MAY_SAY = ("layer", "template.yaml", "tools/sfn_cqrs_tools")
SQL = "reserved_words.py"


def texts(place):
    found = [ROOT / place] if (ROOT / place).is_file() else sorted((ROOT / place).rglob("*"))
    for path in found:
        name = path.relative_to(ROOT).as_posix()
        is_text = path.is_file() and path.suffix in TEXTS and path.name != SQL
        if is_text:
            yield name, path.read_text(encoding="utf-8")


@pytest.mark.parametrize("place", PLACES)
def test_the_framework_names_nothing_of_its_example(place):
    named = [
        f"{name}: {line.strip()}"
        for name, text in texts(place)
        for line in text.splitlines()
        if OF_SHOP.search(SAMPLE.sub("", line) if place in MAY_SAY else line)
    ]

    assert named == []


DECLARES = {
    "approval_type",
    "command_type",
    "import_strategy",
    "read_model_type",
    "saga_type",
    "sql_read_model",
    "task_handler",
}
PRODUCT = ("layer", "functions", "engine/sfn_local", "tools/sfn_cqrs_tools")
EXCUSED = {
    "tools/sfn_cqrs_tools/stack/sample_items.py": {"airports"},
    "tools/sfn_cqrs_tools/testing/builders.py": {"AIRPORT", "airports"},
}
"""The file that samples import and the item of builders: real airports, which the shop has, too."""


def declared(source):
    """Return the names that a module declares, also those that a constant of the module has."""
    tree = ast.parse(source)
    constants = {
        one.targets[0].id: one.value
        for one in tree.body
        if isinstance(one, ast.Assign) and isinstance(one.targets[0], ast.Name)
    }
    calls = [
        one
        for one in ast.walk(tree)
        if isinstance(one, ast.Call) and getattr(one.func, "id", None) in DECLARES and one.args
    ]
    named = [constants.get(getattr(one.args[0], "id", None), one.args[0]) for one in calls]
    return {one.value for one in named if isinstance(one, ast.Constant)}


def values(source, names):
    """Return which of these names a module has as a value, and not as a word of a text."""
    found = [one.value for one in ast.walk(ast.parse(source)) if isinstance(one, ast.Constant)]
    return {one for one in found if isinstance(one, str) and one in names}


def modules_of(*folders):
    return {
        path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8")
        for folder in folders
        for path in sorted((ROOT / folder).rglob("*.py"))
    }


def test_no_module_of_the_product_knows_what_the_shop_declares():
    shop = modules_of("examples/shop/app").values()
    names = set[str]().union(*map(declared, shop))
    known = {name: values(text, names) for name, text in modules_of(*PRODUCT).items()}
    found = {name: these for name, these in known.items() if these}

    assert {"AIRPORT", "ORDER", "STOCK", "order-saga", "orders_by_customer", "airports"} <= names
    assert found == EXCUSED


def test_a_declared_name_is_found_as_a_value_and_not_in_a_text():
    names = declared('KIND = "TRIP"\ncommand_type(KIND, publish=MEMBERS)\nsaga_type("tour")\n')

    assert names == {"TRIP", "tour"}
    assert values('"""Publish a TRIP."""\nrun(["saga start tour"])', names) == set()
    assert values('publish("TRIP", {"saga": "tour"})', names) == names


def test_nothing_but_tests_and_the_demonstration_imports_the_shop():
    imports = re.compile(r"^\s*(from|import) shop\b", re.MULTILINE)
    found = [name for name, text in modules_of(*PRODUCT).items() if imports.search(text)]

    assert found == []
