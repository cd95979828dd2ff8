"""Tables as a person sees them."""

import pytest
from rich.console import Console

from sfn_cqrs_tools.terminal import printing


@pytest.mark.parametrize(
    ("columns", "seen"),
    [(21, ["name            note", "xxxxxxxxxxxxxx  short"]), (20, ["name", "xxxxxxxxxxxxxx"])],
)
def test_a_spare_column_is_left_out_where_it_would_be_broken(monkeypatch, capsys, columns, seen):
    monkeypatch.setattr(printing, "console", lambda: Console(width=columns))

    printing.print_table(("name", "note"), [("x" * 14, "short")], spare=("note",))

    assert [line.rstrip() for line in capsys.readouterr().out.splitlines()] == seen


def test_of_a_table_without_rows_it_is_said_that_there_are_none(capsys):
    printing.print_table(("name", "note"), [], none="no [big] things yet")

    assert capsys.readouterr().out == "no [big] things yet\n"


def test_of_a_very_long_value_the_beginning_is_shown(capsys):
    printing.print_table(("code", "attributes"), [("o-1", "x" * 400_000)])

    shown = "".join(capsys.readouterr().out.split())
    assert shown == f"codeattributeso-1{'x' * 1_999}…"
