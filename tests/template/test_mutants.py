"""The catalogue of mutants is as the code is, and its runner tells what is found."""

import ast
from pathlib import Path

import pytest
from tests.mutants.catalogue import MUTANTS
from tests.mutants.code import ROOT, Code, MovedError
from tests.mutants.mutant import BLIND, Edit, Mutant, change, change_text, drop, reword, unlist
from tests.mutants.running import Tree, Verdict
from tests.simulation.mutants import MUTANTS as OF_THE_MODEL
from tests.simulation.rules import edited

ANSWER = "LIMIT = 42\n\n\ndef answer():\n    return LIMIT\n"
TEST = "from answering import answer\n\ndef test_the_answer():\n    assert answer() == 42\n"
RULE = """
@checked
class Rule:
    LIMITS = ("few", "many")

    def holds(self, one, other):
        told = {"one": one, "other": other}
        if one > 3:
            told["one"] = f"{one:03} is above"
        return (one < 3 or other) & is_open & self.asks(one, limit=LIMIT)

    def asks(self, one, limit):
        return 3 < one < limit
"""
IF = """        if one > 3:
            told["one"] = f"{one:03} is above"
"""
PLACE = "Rule.holds"


def test_every_mutant_stands_once_in_the_code_and_changes_it() -> None:
    code = Code()
    moved = []
    for mutant in MUTANTS:
        try:
            file, text = mutant.fault.applied_to(code)
        except MovedError as error:
            moved.append(f"{mutant}: {error}")
        else:
            assert _meaning(file, text) != _meaning(file, file.read_text(encoding="utf-8")), mutant

    assert "\n".join(moved) == ""
    assert len({mutant.id for mutant in MUTANTS}) == len(MUTANTS)


def _meaning(file: Path, text: str) -> str:
    return ast.dump(ast.parse(text)) if file.suffix == ".py" else text


def test_every_mutant_of_the_model_stands_once_in_the_rules() -> None:
    """A mutant of the model whose code has moved is written anew; the rule may be right."""
    as_they_are = _dumped(edited())
    for mutant in OF_THE_MODEL:
        for number, edit in enumerate(mutant.edits):
            before = _dumped(edited(*mutant.edits[:number]))
            assert _dumped(edited(*mutant.edits[:number], edit)) != before, mutant
    assert _dumped(edited()) == as_they_are


def _dumped(modules: dict[str, ast.Module]) -> list[str]:
    return [ast.dump(module) for module in modules.values()]


def put(fault: Edit, text: str = RULE) -> str:
    """Return a text with a fault."""
    trees = {Path("rules.py"): ast.parse(text)}
    fault.put_into(trees)
    return ast.unparse(trees[Path("rules.py")])


@pytest.mark.parametrize(
    ("fault", "old", "new"),
    [
        (drop(PLACE, "one<3"), "(one < 3 or other)", "other"),
        (drop(PLACE, "is_open"), " & is_open", ""),
        (drop(PLACE, "self.asks(one, limit=LIMIT)"), " & self.asks(one, limit=LIMIT)", ""),
        (drop(PLACE, "limit=LIMIT"), ", limit=LIMIT", ""),
        (drop(PLACE, "LIMIT"), ", limit=LIMIT", ""),
        (drop(PLACE, "'other'"), ', "other": other', ""),
        (drop("Rule.LIMITS", "'many'"), '"few", "many"', '"few",'),
        (drop("Rule", "checked"), "@checked", ""),
        (drop(PLACE, "if one > 3: ..."), IF, ""),
        (change(PLACE, "if one > 3: ...", "if one: ..."), "if one > 3", "if one"),
        (change("rules.Rule.holds", "one > 3", "one >= 3"), "one > 3", "one >= 3"),
        (change(PLACE, "limit=LIMIT", "limit=1"), "limit=LIMIT", "limit=1"),
        (change("Rule.asks", "return 3 < one < limit", "pass"), "return 3 < one < limit", "pass"),
        (change_text(PLACE, "above", "below"), "above", "below"),
    ],
)
def test_a_fault_is_found_by_its_definition_and_its_code(fault: Edit, old: str, new: str) -> None:
    assert RULE.count(old) == 1
    assert put(fault) == ast.unparse(ast.parse(RULE.replace(old, new)))


@pytest.mark.parametrize(
    ("fault", "count"),
    [
        (drop(PLACE, "other"), 2),
        (drop(PLACE, "one"), 5),
        (drop("holds", "is_open"), 0),
        (drop("chain.Rule.holds", "is_open"), 0),
        (change("Rule.asks", "one < limit", "True"), 0),
        (change_text(PLACE, "one", "two"), 2),
    ],
)
def test_code_that_has_moved_or_is_there_twice_is_no_fault_that_is_found(
    fault: Edit, count: int
) -> None:
    said = rf"{fault.place} has the code of a mutant {count} times.*the code may be right"
    with pytest.raises(MovedError, match=said):
        put(fault)


@pytest.mark.parametrize(
    ("listed", "left"),
    [
        ("[get, put, list]", "[get, list]"),
        ("[get, put]", "[get]"),
        ("[put, get]", "[get]"),
        ("\n      - get\n      - put", "\n      - get"),
        ("\n      - put\n      - get", "\n      - get"),
    ],
)
def test_a_right_is_taken_out_of_the_template_however_it_is_written(
    tmp_path: Path, listed: str, left: str
) -> None:
    template = "Resources:\n  Other: [put]\n  Function:\n    Sub: !Sub x\n    Action: {}\n"
    (tmp_path / "template.yaml").write_text(template.format(listed))

    _, text = unlist("Function", "put").applied_to(Code(tmp_path))

    assert text.split() == template.format(left).split()
    with pytest.raises(MovedError, match="Function has the code of a mutant 0 times"):
        unlist("Function", "delete").applied_to(Code(tmp_path))


@pytest.mark.parametrize("quotes", ["{}", "'{}'", '"{}"'])
def test_a_text_of_the_template_is_another_wherever_in_it_it_stands(
    tmp_path: Path, quotes: str
) -> None:
    template = "Resources:\n  Other: put + get\n  Alarm:\n    - Sums: [{}, two]\n"
    (tmp_path / "template.yaml").write_text(template.format(quotes.format("put + get")))

    _, text = reword("Alarm", " + get", "").applied_to(Code(tmp_path))

    assert text == template.format(quotes.format("put"))
    for many in ("t", "else"):
        with pytest.raises(MovedError, match="Alarm has the code of a mutant"):
            reword("Alarm", many, "").applied_to(Code(tmp_path))


def test_every_mutant_names_tests_that_there_are_and_that_look_at_what_the_code_does() -> None:
    named = {mutant.found_by for mutant in MUTANTS}

    assert [test for test in named if test.startswith(BLIND)] == []
    assert [test for test in sorted(named) if not _is_there(test)] == []


def _is_there(test: str) -> bool:
    file, *names = test.split("::")
    body = ast.parse((ROOT / file).read_text(encoding="utf-8")).body
    for name in names:
        found = [one for one in body if getattr(one, "name", None) == name]
        if not found:
            return False
        body = getattr(found[0], "body", [])
    return True


@pytest.fixture
def tree(tmp_path):
    """A small tree of one module and its test."""
    (tmp_path / "layer").mkdir()
    (tmp_path / "layer/answering.py").write_text(ANSWER)
    (tmp_path / "test_answering.py").write_text(TEST)
    return Tree(tmp_path)


def a_mutant(fault: Edit) -> Mutant:
    return fault.breaks("A1", "all").by("test_answering.py::test_the_answer")


def test_a_mutant_is_found_by_tests_that_fail_however_soon_it_follows_another(tree) -> None:
    faults = [change("LIMIT", "42", str(number)) for number in (41, 42)]

    verdicts = [tree.try_(a_mutant(fault))[0] for fault in faults]

    assert verdicts == [Verdict.FOUND, Verdict.NOT_FOUND]


def test_tests_that_cannot_run_find_nothing_and_the_code_is_put_back(tree, tmp_path) -> None:
    assert tree.try_(a_mutant(change("LIMIT", "42", "no_such_name")))[0] is Verdict.BROKEN
    assert (tmp_path / "layer/answering.py").read_text() == ANSWER


def test_the_tests_of_the_example_run_in_its_folder(tree, tmp_path) -> None:
    folder = tmp_path / "examples/shop"
    folder.mkdir(parents=True)
    test = 'from pathlib import Path\n\n\ndef test_it():\n    assert Path.cwd().name == "shop"\n'
    (folder / "test_place.py").write_text(test)

    code, said = tree.run(["test_answering.py", "examples/shop/test_place.py::test_it"])

    assert code == 0, said
