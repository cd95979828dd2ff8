"""docs/model.md says of each action which function it is, and what is left out."""

import ast
import re

from tests.tla.cases import DEEPER, LEFT_OUT, USUAL
from tests.tla.checker import INVARIANTS, MODELS, PROPERTIES, ROOT

PAGE = (ROOT / "docs/model.md").read_text(encoding="utf-8")
CHAIN = (MODELS / "Chain.tla").read_text(encoding="utf-8")


def table(title: str) -> list[list[str]]:
    """Return the rows below a heading, without the head."""
    section = PAGE.partition(f"\n## {title}\n")[2].partition("\n## ")[0]
    rows = [line for line in section.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]


def actions() -> set[str]:
    """Return the actions that the model's next step chooses from."""
    step, work = body(r"Step\(p\)"), body("Work")
    named = re.findall(r"[A-Z]\w+", step + work)
    return {name for name in named if name not in {"Step", "Fault"}} | {"SweepLooks"}


def body(name: str) -> str:
    """Return what stands behind a definition."""
    found = re.search(rf"^{name} ==(.+?)\n\n", CHAIN, re.M | re.S)
    assert found is not None
    return found[1]


def test_each_action_has_a_row_and_each_row_an_action() -> None:
    rows = {
        name
        for row in table("Which function an action is")
        for name in re.findall(r"`(\w+)`", row[0])
    }
    faults = set(re.findall(r"\w+", body("Fault")))

    assert rows == actions() | faults


def test_each_function_is_there() -> None:
    named = re.findall(r"\[`\w+\.(\w+)`\]\(\.\./(\S+\.py)\)", PAGE)

    assert len(named) > 15
    assert [name for name, path in named if name not in defined(path)] == []


def defined(path: str) -> set[str]:
    """Return the functions that a file defines."""
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


def test_each_property_and_each_rule_is_explained() -> None:
    properties = [row[0].strip("`") for row in table("What holds") if row[0].startswith("`")]
    rules = {row[0]: row[2] for row in table("What breaks without a rule")[1:]}

    assert set(properties) == {*INVARIANTS, *PROPERTIES}
    assert {name: broken in rules[name] for name, (_, broken) in LEFT_OUT.items()} == dict.fromkeys(
        rules, True
    )


def test_each_case_is_listed() -> None:
    assert len(states()) == len([*USUAL, *DEEPER])


def states() -> list[int]:
    """Return the number of states of each case, in the order of the page."""
    return [
        int(row[1].replace(",", ""))
        for row in table("What holds")
        if re.fullmatch(r"[\d,]+", row[1])
    ]
