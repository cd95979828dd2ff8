"""A rule stands once: in the domain, which production runs, or else a test holds two equal.

What only tests call would be a model of production and not production; an expression that nobody
compares with the domain drifts from it; an update of a record's item does not renew `rev`, so that
whoever has read it before writes over it.
"""

import ast
from pathlib import Path

import pytest
from tests.support.places import RULES, TABLES, dotted, kind_of, name_of, of_kind
from tests.template.rules import conditions, names_in, unused, updates_of_records
from tests.template.stack import ROOT, modules

from sfn_cqrs.machines.saga import rules as saga

PRODUCTION = (
    *("layer", "functions", "app", "tools/sfn_cqrs_tools"),
    *("examples/shop/app", "examples/shop/functions"),
)
HELD_EQUAL = {
    "test_zip_equivalence.py": {"zip_orchestrator.table": {"_check", "_end"}},
    "test_publish_equivalence.py": {"command.table": {"_settled"}},
    "test_unique_equivalence.py": {"command.unique_table": {"as_it_was", "freeing", "taking"}},
}
"""Expressions that say what the domain says, too, by the contract test that compares them."""
FOR_THE_USERS_PACKAGE = {
    "csv.cells.filled",
    "csv.cells.text",
    "import_csv.model_strategy.ModelStrategy",
    "kernel.policy.own",
    "kernel.unique.exactly",
}
"""What the code of users calls, and the code that `sfn-cqrs new` writes."""
STANDS_ALONE = {
    "command.data_table": {
        "row_condition": "the row is as it was read",
        "page": "deleted rows are left out of a list",
    },
    "tables.open_index": {
        "begin_sweep": "a sweep is nobody's, or it is over, or it is this very one",
        "end_sweep": "the sweep is still one's own",
    },
    "import_csv.table": {"replan": "the plan is as it was read"},
    "sql.generation_rows": {
        "delete": "rows of a generation that nobody reads",
        "find": "rows at places",
        "page": "rows behind a place",
    },
    "tenants.sql": {"_count": "a tenant's rows", "_deleted": "a tenant's rows"},
    "read_models.read_model": {
        "_put_if_newer": "a later version stays; views are their handlers', not the domain's",
        "put": "the row, or the place of an item, is as it was read",
        "_put_of": "nobody else's row is at the place, nor a later version",
        "_renew": "the item's row is at the place, and older",
        "_delete_of": "a later version of the row stays",
    },
    "workflow.wait_table": {
        "close": "another try's wait stays open",
        "park": "a later try's token stays; a wait is not an item of the domain's",
    },
    "zip_orchestrator.table": {
        "extracted": "of those who extract a file the first stays",
        "refused": "of those who extract a file the first stays",
        "processing": "only what was extracted is begun",
    },
}
"""Expressions whose rule is nowhere in the domain, with the rule."""
WITHOUT_RECORDS = {
    "command.table",
    "erasure.tables",
    "command.process_table",
    "read_models.read_model",
    "workflow.wait_table",
}
"""Adapters that update items, and none of a record; an erasure gives a record another `rev`."""


def adapters() -> dict[str, ast.Module]:
    return trees_of(TABLES)


def domain() -> dict[str, ast.Module]:
    return trees_of(RULES)


def trees_of(kind: str) -> dict[str, ast.Module]:
    files = of_kind(kind)
    return {name_of(dotted(path)): ast.parse(path.read_text(encoding="utf-8")) for path in files}


def is_for_tests(path: Path) -> bool:
    """Whether the use of a rule there does not count: in the domain itself, and in fakes."""
    return kind_of(dotted(path)) == RULES or "testing" in path.parts


def test_the_domain_has_nothing_that_only_tests_use() -> None:
    users = [tree for path, tree in modules(*PRODUCTION) if not is_for_tests(path)]

    assert unused(domain(), users) == FOR_THE_USERS_PACKAGE


def test_an_expression_is_held_equal_to_the_domains_rule_or_is_the_only_one() -> None:
    known = {(module, name) for module, names in STANDS_ALONE.items() for name in names}
    for pairs in HELD_EQUAL.values():
        known |= {(module, name) for module, names in pairs.items() for name in names}

    found = {(module, name) for module, tree in adapters().items() for name in conditions(tree)}
    assert found == known


@pytest.mark.parametrize("test", HELD_EQUAL)
def test_who_holds_expressions_equal_runs_them_all(test: str) -> None:
    text = (ROOT / "tests/contract" / test).read_text(encoding="utf-8")
    public = {"_check": "end_files", "_end": "end_files", "_settled": "publish"}
    public |= {"taking": "publish", "freeing": "free", "as_it_was": "reservations.fill"}
    wanted = {public.get(name, name) for names in HELD_EQUAL[test].values() for name in names}

    assert {name for name in wanted if f".{name}(" in text} == wanted


def test_no_update_is_one_of_a_records_item() -> None:
    found = {module: updates_of_records(tree) for module, tree in adapters().items()}

    assert {module for module, names in found.items() if names} == WITHOUT_RECORDS


def test_only_adapters_update_items() -> None:
    others = [
        path.relative_to(ROOT).as_posix()
        for path, tree in modules(
            "layer", "functions", "app", "examples/shop/app", naming="update_item"
        )
        if kind_of(dotted(path)) != TABLES and names_in(tree)[".update_item"]
    ]

    assert others == []


MODEL = """
class Saga:
    def may_end(self):
        return self.may_end
    def is_open(self):
        return True
def helped():
    return helped()
def is_open(): ...
class Park: ...
class Lost: ...
"""
PACKAGE, _, NAME = saga.__name__.rpartition(".")
USERS = [
    f"from {saga.__name__} import Lost, Saga as Found\nopened = Found().is_open()",
    f"from {PACKAGE} import {NAME} as sagas\nparked, helped = sagas.Park(), is_open",
]


def test_what_nobody_uses_but_itself_or_an_import_is_found() -> None:
    found = unused({name_of(saga.__name__): ast.parse(MODEL)}, map(ast.parse, USERS))

    unused_ones = ("Saga.may_end", "helped", "is_open", "Lost")
    assert found == {f"{name_of(saga.__name__)}.{name}" for name in unused_ones}


@pytest.mark.parametrize(
    ("condition", "is_rule"),
    [
        ('"#status = :open"', True),
        ('f"attempt = :attempt AND {OPEN}"', True),
        ("OPEN", True),
        ('"attempt < :attempt"', True),
        ('"attribute_not_exists(pk) OR since <= :since"', True),
        ('"#rows.#row = :before"', True),
        ('"attribute_not_exists(pk)"', False),
        ('"rev = :rev"', False),
        ('"SET #status = :open"', False),
    ],
)
def test_a_condition_that_compares_is_found(condition: str, is_rule: bool) -> None:
    source = f'OPEN = "#status IN (:created, :processing)"\ndef write(self):\n    put({condition})'

    assert conditions(ast.parse(source)) == ({"write"} if is_rule else set())


DIRECT = "self._client.update_item(UpdateExpression=u, Key=marshal({'pk': key.%s, 'sk': key.sk}))"
GIVEN = """
class Table:
    def cancel(self, key):
        self._write(key.%s, key.sk, "SET a = :a")
    def _write(self, pk, sk, update):
        part = {"Update": {"UpdateExpression": update, "Key": marshal({"pk": pk, "sk": sk})}}
"""


@pytest.mark.parametrize(
    ("source", "found"),
    [
        (f"def cancel(self, key):\n    {DIRECT % 'pk'}", {"cancel"}),
        (f"def cancel(self, key):\n    {DIRECT % 'parts_pk'}", set()),
        (GIVEN % "pk", {"cancel"}),
        (GIVEN % "items_pk", set()),
    ],
)
def test_an_update_of_a_records_item_is_found(source: str, found: set[str]) -> None:
    assert updates_of_records(ast.parse(source)) == found
