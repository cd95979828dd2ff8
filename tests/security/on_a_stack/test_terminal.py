"""The terminal shows other people's texts, and does nothing of what they say."""

import ast
import io
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.table import Table
from rich.text import Text
from tests.support.command_line import command_line
from tests.support.orders import an_order

import sfn_cqrs_tools
import sfn_local
from sfn_cqrs_tools.terminal.printing import Screen, print_fields, print_list, show_file
from sfn_local.cli.command import print_json
from sfn_local.cli.showing import echo, json_of, styled, visible

HOSTILE = (
    "\x1b]0;mine\x07\x1b]8;;http://evil.example\x1b\\\x1b[30A\x1b[J\x9b2J\r\b\u202eevil\u2066 \x7f"
)
HARMLESS = {"\n", "\t"}
PACKAGES = (Path(sfn_cqrs_tools.__file__).parent, Path(sfn_local.__file__).parent)


def acted(text: str) -> list[str]:
    """Return the characters that a terminal would act on, or use to hide others."""
    return [one for one in text if one not in HARMLESS and visible(one) != one]


# ----------------------------------------------------------------------------- the function


@given(st.text())
def test_nothing_that_is_visible_is_acted_on(text: str) -> None:
    shown = visible(text)

    assert acted(shown) == []
    assert visible(shown) == shown
    shown.encode()


@given(st.recursive(st.text(), lambda inner: st.dictionaries(st.text(), inner, max_size=3)))
def test_json_says_the_same_and_is_shown_whole(value: object) -> None:
    text = json_of(json.dumps(value, ensure_ascii=False, indent=2))

    assert acted(text) == []
    assert json.loads(text) == value


def test_colours_are_ours_and_no_texts(capsys: pytest.CaptureFixture[str]) -> None:
    echo(styled("bad\x1b[0m", fg="red"), " \x1b[31mgood", file=sys.stdout)

    assert capsys.readouterr().out == "bad⟨U+001B⟩[0m ⟨U+001B⟩[31mgood\n"
    assert styled("bad\x1b", fg="red") == "\x1b[31mbad⟨U+001B⟩\x1b[0m"


def test_tables_and_drawings_show_all_texts(capsys: pytest.CaptureFixture[str]) -> None:
    print_fields({"name": HOSTILE})
    print_list([{"id": HOSTILE, "attributes": {"a": HOSTILE}}], ("id", "attributes"), as_json=False)
    print_json({"note": HOSTILE})

    assert acted(capsys.readouterr().out) == []


@pytest.mark.parametrize("is_terminal", [True, False])
def test_a_screen_shows_whatever_is_printed_on_it(is_terminal: bool) -> None:
    told = io.StringIO()
    screen = Screen(file=told, force_terminal=is_terminal, color_system=None, width=200)
    table = Table("name", title=HOSTILE)
    table.add_row(Text(HOSTILE))

    for renderable in (HOSTILE, Text(HOSTILE), table):
        screen.print(renderable, markup=False)

    assert acted(told.getvalue().replace("\x1b[3m", "").replace("\x1b[0m", "")) == []
    assert told.getvalue().count("⟨U+001B⟩") > 10


def test_a_file_goes_to_a_terminal_as_text_and_elsewhere_as_it_is(
    monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    content = f"\ufeffname\r\n{HOSTILE}é\r\n".encode()
    chunks = [content[:-3], content[-3:]]
    with open(1, "w", encoding="utf-8", newline="", closefd=False) as out:
        monkeypatch.setattr(sys, "stdout", out)
        show_file(chunks)
        assert capfdbinary.readouterr().out == content
        monkeypatch.setattr(out, "isatty", lambda: True, raising=False)
        show_file(chunks)
        out.flush()

    shown = capfdbinary.readouterr().out.decode()
    assert shown == f"name\n{visible(HOSTILE)}é\n"


# ------------------------------------------------------------------------------------- the law

PAST = {"click.echo", "click.secho", "click.style", "click.echo_via_pager", "print", "Console"}
WRITES = {"sys.stdout.write", "sys.stderr.write", "sys.stdout.buffer.write"}
ALLOWED = {
    "sfn_local/cli/showing.py": "is the one way",
    "sfn_cqrs_tools/terminal/printing.py: sys.stdout.buffer.write": "a file that is no terminal's",
    "sfn_cqrs_tools/runtime/output.py: sys.stdout.write": "ends a function's line, in its log",
    "sfn_cqrs_tools/runtime/processes.py: sys.stdout.write": "a function's line, into its log",
    "sfn_cqrs_tools/runtime/processes.py: print": "JSON of ASCII, to the process above",
    "sfn_cqrs_tools/console/server.py: Console": "the pages in a browser, and no terminal",
    "sfn_cqrs_tools/replay/process.py: print": "JSON of ASCII, to the process above",
    "sfn_cqrs_tools/client/app_check.py: print": "JSON of ASCII, to the process above",
    "sfn_cqrs_tools/stack/type_schemas.py: print": "JSON of ASCII, to the process above",
}


def ways(folder: Path) -> Iterator[str]:
    """Yield each call that prints past the one way, by its file."""
    words = {name.rpartition(".")[2] for name in PAST | WRITES}
    for path in sorted(folder.rglob("*.py")):
        place, source = str(path.relative_to(folder.parent)), path.read_text()
        for call in ast.walk(ast.parse(source)) if any(map(source.__contains__, words)) else ():
            name = ast.unparse(call.func) if isinstance(call, ast.Call) else ""
            if name in PAST | WRITES:
                yield f"{place}: {name}"


def test_nothing_prints_past_the_one_way() -> None:
    found = {way for folder in PACKAGES for way in ways(folder)}

    assert {way for way in found if not ALLOWED.keys() & {way, way.partition(":")[0]}} == set()


def test_the_law_finds_what_prints_past_it(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("import click\nclick.echo(1)\nprint(2)\nsys.stdout.write(3)\n")

    assert [way.partition(": ")[2] for way in ways(tmp_path)] == [
        "click.echo",
        "print",
        "sys.stdout.write",
    ]


# -------------------------------------------------------------------------------- the commands


@pytest.mark.stack
@pytest.mark.real_time("the command line waits for what it has started")
def test_no_command_does_what_a_text_says(stack, monkeypatch, capsys, tmp_path):
    run = command_line(monkeypatch, capsys, after=("--state", str(stack.state.path)))
    attributes = json.dumps({"customer": "ada", "note": HOSTILE, HOSTILE: 1})
    hostile = json.dumps({HOSTILE: [HOSTILE]})
    (tmp_path / "airports.csv").write_text(
        f"icao,name,country,lat,lon,tz\nNRT,{visible('x')}\x1b[2J,JP,\x1b]0;x\x07,1,\x9b2J\n"
    )
    file = str(tmp_path / "airports.csv")
    told = [
        run("publish", "ORDER", "o-1", "--name", HOSTILE, "--attributes", attributes, "--sync"),
        task := run("task", "run", "ORDER_REMINDER", json.dumps([{"order": "x", "to": HOSTILE}])),
        saga := run("saga", "start", "order-saga", json.dumps(an_order()), "--name", HOSTILE),
        approval := run(
            "approval", "request", "ORDER_RELEASE", "--subject", "o-1", "--note", HOSTILE
        ),
        run("import", "start", file, "--table", "airports"),
        run("publish", "ORDER", "o-1", "--partial", "--attributes", hostile),
        run("publish", HOSTILE, "o-1", "--name", "x", "--attributes", "{}"),
        run("explain", HOSTILE),
        run(HOSTILE),
    ]
    for words in (
        ("data", "get", "ORDER", "o-1"),
        ("data", "list", "ORDER"),
        ("data", "history", "ORDER", "o-1"),
        ("chain", "show", "ORDER", "o-1"),
        ("read-model", "show", "orders_by_customer", "ada"),
        ("task", "list", "ORDER_REMINDER"),
        ("task", "show", task.output.strip().split()[0]),
        ("saga", "list"),
        ("saga", "show", saga.output.strip().split()[0]),
        ("approval", "list"),
        ("approval", "show", approval.output.strip()),
        ("approval", "list", "--status", "all"),
        ("approve", approval.output.strip(), "--as", "hanako", "--reason", HOSTILE),
        ("import", "list"),
        ("execution", "list"),
        ("logs",),
        ("doctor",),
        ("data", "get", "ORDER", HOSTILE),
    ):
        told += [run(*words), run(*words, "--json")]

    for one in told:
        assert acted(one.output + one.error) == [], one
    assert sum("⟨U+001B⟩" in one.output + one.error for one in told) > 5
    assert sum("\\u001b" in one.output for one in told) > 5
