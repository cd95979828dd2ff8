"""docs/reference/errors.md has every stable code that is raised, and no other."""

import ast
import inspect
import re
from functools import cache

import pytest
from tests.template.stack import ROOT, modules

from sfn_cqrs.kernel import errors, failure
from sfn_cqrs.kernel.http.problems import status_of
from sfn_cqrs.machines.command import chain
from sfn_cqrs.machines.task import programs as task_programs
from sfn_cqrs_tools.client.explanations import PAGE, code_of, explanations
from sfn_cqrs_tools.project import CHECKOUT

KNOWN = explanations()
OWN = [
    kind
    for _, kind in inspect.getmembers(errors, inspect.isclass)
    if issubclass(kind, BaseException) and kind.__module__ == errors.__name__
]
CODES = {code_of(kind.__name__) for kind in OWN}
GIVEN_A_CODE = ("InvalidFileError", "Problem", "failing", "StepRefusedError")
"""Calls whose first argument is a code; a saga's reasons in app/ are the user's own."""
COMMAND_LINE = {"usage", "failed"}
AWS = {*failure.PASSING_ERRORS} - {*failure.BUSY_ERRORS}
"""What AWS calls an error; its busy ones are known by one name."""


def literals(folder):
    """The codes that the modules of a folder give to a refusal, each with its place."""
    for path, tree in modules(folder):
        for node in ast.walk(tree):
            if not isinstance(node, ast.Call) or not node.args:
                continue
            called = getattr(node.func, "id", getattr(node.func, "attr", ""))
            first = node.args[0]
            given = node.args[1] if called == "problem" else first
            if called in (*GIVEN_A_CODE, "problem") and isinstance(given, ast.Constant):
                yield str(given.value), f"{path.name}:{node.lineno}"


def of_machines():
    """The names by which machines fail."""
    for folder in (ROOT, *ROOT.glob("examples/*")):
        for path in folder.glob("statemachine/*.asl.json"):
            yield from re.findall(r'"Error": "(\w+)"', path.read_text(encoding="utf-8"))


@cache
def raised():
    """Every code, with where it comes from."""
    in_code = {
        **dict.fromkeys(CODES, "errors.py"),
        **dict(literals("layer")),
        **dict(literals("functions")),
    }
    turns = map(code_of, chain._REFUSALS.values())
    named = {*COMMAND_LINE, *AWS, *of_machines(), *turns, task_programs.LEFT, "HandedOver"}
    return in_code | dict.fromkeys(named, "")


def test_every_code_that_is_raised_is_explained():
    missing = {code: place for code, place in raised().items() if code not in KNOWN}

    assert missing == {}


def test_no_code_is_explained_that_nobody_raises():
    assert sorted(KNOWN.keys() - raised().keys()) == []


def test_every_heading_of_the_page_says_what_why_and_what_to_do():
    headings = re.findall(
        r"^### (.+)$", (CHECKOUT / PAGE).read_text(encoding="utf-8"), re.MULTILINE
    )

    assert headings == list(KNOWN)


@pytest.mark.parametrize("kind", OWN, ids=lambda kind: kind.__name__)
def test_the_status_of_an_answer_is_the_one_that_is_sent(kind):
    """A 500 is said only where the code is an answer at all."""
    said = re.search(r"HTTP (\d+)", KNOWN[code_of(kind.__name__)].what)

    if said is not None:
        assert int(said[1]) == status_of(kind)


def test_what_the_api_answers_is_in_its_part_of_the_page():
    elsewhere = {code for code in CODES if KNOWN[code].part != "Answers of the API"}

    assert {code for code in elsewhere if code.islower()} == {"invalid_file"}
