"""Code in README and docs: what becomes of each block, and that what is shown can be typed.

`tests/support/code_blocks.py` says who runs what; what nobody runs is held all the same
against the command line, Python's grammar and the modules that it imports.
"""

import ast
import importlib
import json
import re

import click
import pytest
import yaml
from tests.support.code_blocks import (
    COMPARED_BY,
    FOR_PEOPLE,
    PAGES,
    RUN_BY,
    Block,
    calls_of,
    fate,
    reason,
    typed,
)
from tests.support.code_blocks import blocks as all_blocks
from tests.template.stack import ROOT

from sfn_cqrs_tools.cli import cli

BLOCKS = list(all_blocks())


def blocks(*languages):
    """The blocks of these languages on pages that are not made."""
    of_people = [block for block in BLOCKS if block.page not in COMPARED_BY]
    return [pytest.param(b, id=b.place) for b in of_people if b.language in languages]


def test_no_block_is_overlooked():
    fences = sum(
        line.lstrip().startswith("```")
        for page in PAGES
        for line in (ROOT / page).read_text(encoding="utf-8").splitlines()
    )

    assert fences == 2 * len(BLOCKS) > 400


def test_every_block_is_run_or_compared_or_has_a_reason():
    assert [block.place for block in BLOCKS if fate(block) is None] == []


def test_a_block_that_nobody_runs_is_found():
    unknown = Block("docs/imports.md", 1, "sh", "terraform apply\n", "")

    assert fate(unknown) == "run"  # by test_pages, which types what has no reason
    assert fate(unknown._replace(page="engine/README.md")) is None
    assert fate(unknown._replace(language="rust")) is None


def test_code_that_a_page_quotes_is_the_code():
    quoted = [block for block in BLOCKS if block.comment.startswith("code: ")]
    files = [ROOT / block.comment.removeprefix("code: ") for block in quoted]

    assert quoted
    assert [block.text for block in quoted] == [path.read_text("utf-8") for path in files]


def test_every_reason_is_needed():
    left = [
        typed(b) if b.language in ("sh", "console", "") else b.text.splitlines() for b in BLOCKS
    ]
    reasons = {reason(line) for lines in left for line in lines}

    assert set(FOR_PEOPLE.values()) <= reasons


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


@pytest.mark.parametrize("block", blocks("sh", "console", ""))
def test_a_line_that_is_shown_can_be_typed(block):
    lines = typed(block)
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


@pytest.mark.parametrize("block", blocks("python"))
def test_python_that_is_shown_is_python_and_imports_what_there_is(block):
    parsed = ast.parse(re.sub(r"…", "...", re.sub(r", …(?=[\]})])", "", block.text)))
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


@pytest.mark.parametrize("block", blocks("json", "yaml"))
def test_data_that_is_shown_can_be_read(block):
    text = block.text
    if block.language == "yaml":
        yaml.compose(text)
        return
    whole = text if text.lstrip().startswith("{") else f"{{{text}}}"
    json.loads(re.sub(r",\s*…(?=[\]}])", "", whole))


@pytest.mark.parametrize(("page", "test"), {**RUN_BY, **COMPARED_BY}.items())
def test_the_test_that_runs_a_page_is_there(page, test):
    assert (ROOT / page).is_file()
    assert (ROOT / test).is_file()
