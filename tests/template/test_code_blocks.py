"""Code in README and docs: what is shown can be typed, parsed and imported.

Pages whose code is run say by whom; the others' is held against the command line, Python's grammar
and the modules that it imports.
"""

import ast
import importlib
import json
import re
import shlex

import click
import pytest
import yaml
from tests.template.stack import ROOT

from sfn_cqrs_local.cli import cli

RUN_BY = {
    "docs/tutorial.md": "tests/newcomer/test_tutorial.py",
    "engine/README.md": "engine/tests/test_readme.py",
    "README.md": "tests/newcomer/test_tour.py",
}
"""Pages that are typed, whole or their tour, by these tests."""
PAGES = [
    ROOT / "README.md",
    ROOT / "engine/README.md",
    *sorted(page for page in (ROOT / "docs").rglob("*.md") if page.parent.name != "reference"),
]
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.M | re.S)
KINDS = {"sh", "console", "python", "json", "yaml", "diff", "csv", "pdb", "text", "ini", "mermaid"}
"""Diagrams are compared in test_docs.py; text, diff, csv, pdb and ini by the pages' own tests.

Lines of other programs need an account, a server or a remote, and are for people.
"""


def blocks(*languages):
    """Code of all pages: page, line, language, text."""
    found = []
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        for block in BLOCK.finditer(text):
            if block[1] in languages or not languages:
                line = text.count("\n", 0, block.start()) + 1
                place = f"{page.relative_to(ROOT).as_posix()}:{line}"
                found.append(pytest.param(block[1], block[2], id=place))
    return found


def typed(language, text):
    """The command lines of a block, without comments and prompts."""
    if language == "console":
        lines = [line.removeprefix("$ ") for line in text.splitlines() if line[:2] == "$ "]
    else:
        lines = text.replace("\\\n", " ").splitlines()
    return [plain for line in lines if (plain := re.sub(r"(^|\s+)# .*", "", line).strip())]


def calls_of(line):
    """Each call of our program in a line, as its arguments."""
    for inner in re.findall(r"\$\(([^()]*)\)", line):
        yield from calls_of(inner)
    outer = re.sub(r"\$\([^()]*\)", "ID", line).replace('"ID"', "ID")
    for part in re.split(r"\s&&\s|\s\|\s|;\s", outer):
        words = shlex.split(part.split(" > ")[0].removesuffix("&"))
        if words and words[0].rpartition("/")[2] == "sfn-cqrs":
            yield words[1:]


def refusal(arguments):
    """Why the command line does not take these arguments; None if it does. Nothing is run."""
    command, context = cli, click.Context(cli, info_name="sfn-cqrs")
    try:
        while isinstance(command, click.Group):
            name, found, arguments = command.resolve_command(context, list(arguments))
            command, context = found, click.Context(found, parent=context, info_name=name)
        _, left, _ = command.make_parser(context).parse_args(args=list(arguments))
    except click.UsageError as error:
        return error.format_message()
    return f"too many arguments: {left}" if left else None


@pytest.mark.parametrize(("language", "text"), blocks())
def test_a_block_says_what_it_is(language, text):
    assert (language in KINDS) == bool(language), text


@pytest.mark.parametrize(("language", "text"), blocks("sh", "console"))
def test_a_line_that_is_shown_can_be_typed(language, text):
    lines = typed(language, text)
    refused = {line: why for line in lines for one in calls_of(line) if (why := refusal(one))}

    assert refused == {}


def test_a_line_that_cannot_be_typed_is_found():
    lines = ("chain shwo ORDER 1", "chain show --colour red ORDER 1", "data get ORDER o-1 o-2 o-3")

    assert [bool(refusal(line.split())) for line in lines] == [True, True, True]
    assert refusal(["chain", "show", "ORDER", "o-1"]) is None
    assert [*calls_of("sfn-cqrs approve $(sfn-cqrs approval request T --subject x) --as y")] == [
        ["approval", "request", "T", "--subject", "x"],
        ["approve", "ID", "--as", "y"],
    ]


@pytest.mark.parametrize(("language", "text"), blocks("python"))
def test_python_that_is_shown_is_python_and_imports_what_there_is(language, text):
    del language
    parsed = ast.parse(re.sub(r"…", "...", re.sub(r", …(?=[\]})])", "", text)))
    missing = [
        f"{node.module}.{one.name}"
        for node in ast.walk(parsed)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(("sfn_", "shop"))
        for one in node.names
        if not is_there(node.module, one.name)
    ]

    assert missing == []


def is_there(module, name):
    """Whether a module has a name, or is a package with a module of that name."""
    if module.partition(".")[0] == "shop":
        return True  # what the tutorial has its reader write
    found = importlib.import_module(module)
    if hasattr(found, name):
        return True
    try:
        importlib.import_module(f"{module}.{name}")
    except ModuleNotFoundError:
        return False
    return True


@pytest.mark.parametrize(("language", "text"), blocks("json", "yaml"))
def test_data_that_is_shown_can_be_read(language, text):
    if language == "yaml":
        yaml.compose(text)
        return
    whole = text if text.lstrip().startswith("{") else f"{{{text}}}"
    json.loads(re.sub(r",\s*…(?=[\]}])", "", whole))


@pytest.mark.parametrize(("page", "test"), RUN_BY.items())
def test_the_test_that_runs_a_page_is_there(page, test):
    assert (ROOT / page).is_file()
    assert (ROOT / test).is_file()
