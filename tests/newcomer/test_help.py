"""The examples below the helps of commands, typed where a stack is.

`BEFORE` has what somebody has typed who types such a line, `ANSWERS` what ends with another code
than 0, `FILES` what lies in his folder, and `ELSEWHERE` what another test does, and which.
"""

import json
import re
from itertools import count

import click
import pytest
from tests.support.code_blocks import ROOT

from sfn_cqrs_tools.cli import cli

TOTALS = count(1)
"""No line publishes what is there already: that would make no version."""


def order(code):
    attributes = f'{{"customer":"ada","total":{next(TOTALS)}}}'
    return f"publish ORDER {code} --name x --attributes '{attributes}' --version -1 --wait"


def failing(code):
    """An order whose second version fails: nobody has said where orders to XX are packed."""
    to_nowhere = '--version 1 --partial --attributes \'{"country":"XX"}\''
    return [order(code), (f"publish ORDER {code} {to_nowhere} --wait", 1)]


def preorder():
    attributes = f'{{"customer":"ada","total":{next(TOTALS)}}}'
    return f"publish PREORDER p-1 --name x --attributes '{attributes}' --version -1 --wait"


def airport():
    attributes = f'{{"city":"Narita","country":"JP","elevation":{next(TOTALS)}}}'
    return f"publish AIRPORT RJAA --name Narita --attributes '{attributes}' --version -1 --wait"


def reminded(to):
    return f'task run ORDER_REMINDER \'[{{"order":"o-1","to":"{to}"}}]\''


AIRPORTS = ("import start airports.csv --table airports --watch", 2)
PERSON = 'publish CUSTOMER person-4711 --name Ada --attributes \'{"email":"a@example.com"}\' --wait'
REQUESTED = "approval request ORDER_RELEASE --subject o-1 --as nina:clerk"
BEFORE = {
    "approve a-": [REQUESTED],
    "chain retry ORDER o-7 2": failing("o-7"),
    "chain skip ORDER o-8 2": failing("o-8"),
    "chain skip ORDER o-9 2": failing("o-9"),
    "data get AIRPORT RJAA": [airport(), airport(), airport()],
    "erasure confirm": [PERSON, "erase person-4711 --yes --reason asked"],
    "event command": [order("o-1")],
    "execution show t-": [reminded("ada@example.com")],
    "import cancel": [AIRPORTS],
    "import start errors.csv": [AIRPORTS, "import errors c-… > errors.csv"],
    "invoke command sync_data": [
        order("o-1"),
        "event command sync_data --from ORDER/o-1 > my-event.json",
    ],
    "job list": ["job resume REPORT_STOCK"],
    "plan cancel": [preorder()],
    "plan run": [preorder()],
    "plan show": [preorder()],
    "read-model show airports": [airport()],
    "reject a-": [REQUESTED],
    "repair show": [*failing("o-10"), "repair plan command retry"],
    "repair start": [*failing("o-11"), "repair plan command retry"],
    "saga show": ["saga start order-saga @bought.json"],
    "task cancel": [reminded("ada@example.com")],
    "task retry": [(reminded("nowhere"), 2)],
}
"""By how an example begins: what is typed before, perhaps with the code that it ends with."""

ANSWERS = {
    "erasure confirm": 1,  # no law keeps what is erased here, so nobody has to confirm it
    "import start errors.csv": 2,
    "import start sales.txt": 0,
    "repair plan task retry": 0,
    "task cancel": 1,  # it has ended before a person can type this
}
"""By how an example begins: its exit code, if it is neither 0 nor what the pages say of it."""

ELSEWHERE = {
    r"--stack |s3://|dynamodb:": "tests/accept/checks.py",
    r"^up\b": "tools/tests/local/test_up.py",
    r"^console\b": "tools/tests/console/browser.py",
    r"^(setup|init|check)\b|new saga stay|run stay": "tools/tests/local/test_new_project.py",
    r"^logs --follow": "tools/tests/local/test_logs.py",
    r"^(mcp|skill)\b": "tools/tests/local/command_line/test_agents.py",
    r"order-refund|^eval ": "tests/newcomer/test_tutorial.py",
    r"^import undo": "tests/template/test_permissions.py",
    r"^import-original": "tests/integration/test_original.py",
    r"^rehearse": "tools/tests/local/test_rehearsal.py",
    r"^sql ": "tools/tests/local/test_sql_cli.py",
    r"^engine|^sfn-local |^LAMBDA|^SFN_MOCK|^aws |stubs\.json": "engine/tests/test_readme.py",
    r" -e -$": "tools/tests/local/test_cli.py",
    r"^trace ": "tools/tests/local/test_traces.py",
    r"^type check --against": "tools/tests/local/test_type_check.py",
    r"^read-model (cancel|drop) |rebuild .* --every": "tests/unit/rebuild/test_rebuilds.py",
    r"^approval retry": "tools/tests/local/command_line/test_approval_cli.py",
    r"^saga retry": "tools/tests/local/command_line/test_saga_cli.py",
    r"^tenant restore": "tools/tests/local/command_line/test_audit_cli.py",
}
"""What needs an account, another program or an hour: the test that does it."""

PURCHASE = {
    "order": "o-20",
    "customer": "ada",
    "card": "visa",
    "total": 40,
    "lines": [{"sku": "BOOK", "quantity": 2}],
}
ORDER = {"customer": "ada", "total": 5}
LINE = {"type": "ORDER", "name": "x", "version": 0, "attributes": ORDER}
FILES = {
    "bought.json": json.dumps(PURCHASE | {"order": "o-21"}),
    "invoice.jsonl": "".join(json.dumps(LINE | {"code": code}) + "\n" for code in ("o-22", "o-23")),
    "items.json": json.dumps([{"order": "o-1", "to": "ada@example.com"}]),
    "order.json": json.dumps(ORDER),
    "orders.csv": "number,customer,total\no-3,ada,5\n",
    "orders.jsonl": json.dumps(LINE | {"code": "o-4"}) + "\n",
    "purchase.json": json.dumps(PURCHASE),
    "sales.txt": (ROOT / "examples/airports.csv").read_text(encoding="utf-8").replace(",", "\t"),
}
FIRST = ("read-model", "doctor", "what-if")
"""What says so as long as any version has failed."""


def _below(command, context):
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            yield from _below(command.get_command(context, name), context)
    else:
        yield from getattr(command, "examples", ())


def _examples():
    with click.Context(cli) as context:
        return [line.removeprefix("sfn-cqrs ") for line in _below(cli, context)]


def _elsewhere(line):
    return next((where for each, where in ELSEWHERE.items() if re.search(each, line)), None)


EXAMPLES = _examples()
TYPED = [line for line in EXAMPLES if _elsewhere(line) is None]
TYPED.sort(key=lambda line: not line.startswith("read-model rebuild"))  # all others speak of it
WORDS = sorted({line.split()[0] for line in TYPED}, key=lambda word: (word not in FIRST, word))


@pytest.mark.stack
@pytest.mark.real_time("watches imports as a person does")
@pytest.mark.usefixtures("_forgets")
@pytest.mark.parametrize("word", WORDS)
def test_the_examples_of_a_help_can_be_typed(person, folder, word):
    clone = folder()
    for name, text in FILES.items():
        (clone / name).write_text(text, encoding="utf-8")

    wrong = [
        problem
        for example in TYPED
        if example.split()[0] == word
        for line, code in _lines(example)
        for problem in person.types(clone, f"sfn-cqrs {line}", code, f"{example}: {line}")
    ]
    assert wrong == []


def _lines(example):
    """What is typed for an example, and the exit code of each line, if not that of the pages."""
    for begin, lines in BEFORE.items():
        if example.startswith(begin):
            yield from (line if isinstance(line, tuple) else (line, 0) for line in lines)
    yield (
        example,
        next((code for begin, code in ANSWERS.items() if example.startswith(begin)), None),
    )


def test_what_is_not_typed_here_has_its_test():
    assert [each for each in ELSEWHERE if not any(re.search(each, line) for line in EXAMPLES)] == []
    assert [where for where in ELSEWHERE.values() if not (ROOT / where).is_file()] == []


def test_each_preparation_is_for_an_example():
    assert [
        each
        for each in (*BEFORE, *ANSWERS)
        if not any(map(str.startswith, TYPED, [each] * len(TYPED)))
    ] == []
