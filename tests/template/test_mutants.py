"""The catalogue of mutants is as the code is, and its runner tells what is found."""

import ast

import pytest
from tests.mutants.catalogue import MUTANTS
from tests.mutants.mutant import BLIND, ROOT, MovedError, Mutant
from tests.mutants.running import Tree, Verdict
from tests.simulation.mutants import MUTANTS as OF_THE_MODEL
from tests.simulation.rules import edited, source

TEST = "from answering import answer\n\ndef test_the_answer():\n    assert answer() == 42\n"


def test_every_mutant_stands_once_in_the_code() -> None:
    moved = []
    for mutant in MUTANTS:
        try:
            mutant.applied_to((ROOT / mutant.file).read_text(encoding="utf-8"))
        except MovedError as error:
            moved.append(str(error))

    assert "\n".join(moved) == ""


def test_every_mutant_of_the_model_stands_once_in_the_rules() -> None:
    """A mutant of the model whose text has moved is written anew; the rule may be right."""
    for mutant in OF_THE_MODEL:
        for edit in mutant.edits:
            assert edited(source(edit.module), edit) != source(edit.module), mutant


def test_every_mutant_changes_something_and_has_an_id_of_its_own() -> None:
    assert len({mutant.id for mutant in MUTANTS}) == len(MUTANTS)
    assert [mutant.id for mutant in MUTANTS if mutant.old == mutant.new] == []


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
    (tmp_path / "answering.py").write_text('def answer():\n    "Answer."\n    return 42\n')
    (tmp_path / "test_answering.py").write_text(TEST)
    return Tree(tmp_path)


def a_mutant(old: str, new: str) -> Mutant:
    return Mutant("A1", "answering.py", old, new, "all", "test_answering.py::test_the_answer")


def test_a_mutant_is_found_by_tests_that_fail_however_soon_it_follows_another(tree) -> None:
    verdicts = [tree.try_(a_mutant("return 42", f"return {n}"))[0] for n in (41, 42)]

    assert verdicts == [Verdict.FOUND, Verdict.NOT_FOUND]


def test_tests_that_cannot_run_find_nothing_and_the_code_is_put_back(tree, tmp_path) -> None:
    before = (tmp_path / "answering.py").read_text()

    assert tree.try_(a_mutant("def answer", "def other"))[0] is Verdict.BROKEN
    assert (tmp_path / "answering.py").read_text() == before


def test_a_text_that_has_moved_is_no_fault_that_is_found() -> None:
    with pytest.raises(MovedError, match=r"the text of mutant A1 0 times.*the code may be right"):
        a_mutant("return 43", "return 42").applied_to("return 42")


def test_the_tests_of_the_example_run_in_its_folder(tree, tmp_path) -> None:
    folder = tmp_path / "examples/shop"
    folder.mkdir(parents=True)
    test = 'from pathlib import Path\n\n\ndef test_it():\n    assert Path.cwd().name == "shop"\n'
    (folder / "test_place.py").write_text(test)

    code, said = tree.run(["test_answering.py", "examples/shop/test_place.py::test_it"])

    assert code == 0, said
