"""Every command speaks JSON, and no hint breaks inside a command."""

import io
import json
import os
from collections.abc import Iterator

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfn_cqrs_tools.cli import cli
from sfn_local.cli.command import Command
from sfn_local.cli.showing import echo, whole_commands

WORDS = st.lists(st.text("abcdefgh.,:;", min_size=1, max_size=12), max_size=20).map(" ".join)
COMMANDS = (
    "sfn-cqrs import errors c-01KAXK3V9Q0M3W8C5R6T7Y8Z9A > errors.csv",
    "sfn-cqrs task show t-01KAXK3V9Q0M3W8C5R6T7Y8Z9A --tenant tenant1",
    ".venv/bin/sfn-cqrs chain retry ORDER o-1 1 --tenant tenant1",
    "sfn-local test orders.asl.json",
)


def commands(
    group: click.Command, path: tuple[str, ...] = ()
) -> Iterator[tuple[str, click.Command]]:
    if isinstance(group, click.Group):
        context = click.Context(group)
        for name in group.list_commands(context):
            yield from commands(group.get_command(context, name) or group, (*path, name))
    else:
        yield " ".join(path), group


@pytest.mark.parametrize(("path", "command"), list(commands(cli)), ids=str)
def test_each_command_takes_json(path: str, command: click.Command) -> None:
    assert isinstance(command, Command), path
    assert any("--json" in one.opts for one in command.params)


@given(WORDS, st.sampled_from(COMMANDS), st.booleans(), st.integers(70, 200))
def test_a_line_breaks_before_a_command_and_never_in_it(
    words: str, command: str, is_quoted: bool, width: int
) -> None:
    told = f"{words}: `{command}` does it" if is_quoted else f"{words}: {command}"

    lines = whole_commands(told, width).split("\n")

    assert any(command in line for line in lines)
    assert [line for line in lines if len(line) > width] == []
    assert " ".join(" ".join(lines).split()) == " ".join(told.split())


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("stream", "lines"), [(Terminal, 2), (io.StringIO, 1)])
def test_only_a_terminal_gets_other_lines(
    stream: type[io.StringIO], lines: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "get_terminal_size", lambda _=0: os.terminal_size((80, 24)))
    monkeypatch.delenv("COLUMNS", raising=False)
    file = stream()

    echo(f"the failed rows, all of them, are listed by: {COMMANDS[0]}", file=file)

    shown = file.getvalue().splitlines()
    assert len(shown) == lines
    assert shown[-1].endswith(COMMANDS[0])
    assert all(len(line) <= 80 for line in shown) or lines == 1


def test_what_prints_json_anyhow_takes_the_option_too(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli(["definition", "command", "--json"])

    assert json.loads(capsys.readouterr().out)["StartAt"] == "check_version"
