"""How far long work is, on a terminal."""

from io import StringIO
from types import SimpleNamespace

import pytest
from rich.console import Console

from sfn_cqrs_tools.terminal.progress import progress, waits_for, working

RATES = [
    (0.1, ""),
    (0.5, "1,200/s"),
    (2, "300/s"),
    (200, "3/s"),
    (250, "2.4/s"),
    (1_500, "0.4/s"),
    (6_000, "0.1/s"),
]


@pytest.mark.parametrize(("seconds", "shown"), RATES)
def test_a_rate_is_what_was_seen_and_none_before_there_is_time_to_tell(monkeypatch, seconds, shown):
    now = [0.0]
    clock = SimpleNamespace(monotonic=lambda: now[0])
    monkeypatch.setattr("sfn_cqrs_tools.terminal.progress.time", clock)
    console = Console(file=StringIO(), force_terminal=True, width=100, color_system=None)

    with progress(console, "Imported", 1_000) as update:
        update(400)
        now[0] = seconds
        update(1_000)

    text = console.file.getvalue()
    assert ("/s" in text, shown in text) == (bool(shown), True)


@pytest.mark.parametrize("size", [10, 5_000_000])
def test_an_upload_ends_in_green_and_with_its_rate_even_if_it_was_too_quick_for_one(size):
    console = Console(file=StringIO(), force_terminal=True, width=100, color_system="standard")

    with progress(console, "Uploaded", size, in_bytes=True) as update:
        update(size)

    text = console.file.getvalue()
    assert "?" not in text.replace("\x1b[?25", "")
    assert "\x1b[32m━" in text


@pytest.mark.parametrize(("is_terminal", "shown"), [(True, True), (False, False)])
def test_work_without_a_known_end_is_seen_on_a_terminal_alone(is_terminal, shown):
    console = Console(file=StringIO(), force_terminal=is_terminal, width=100, color_system=None)

    with working(console, "looks at the stored data"):
        pass

    assert ("looks at the stored data" in console.file.getvalue()) == shown


@pytest.mark.parametrize(
    ("terminal", "is_shown", "seen"), [("1", True, True), ("1", False, False), ("", True, False)]
)
def test_a_wait_is_seen_beside_the_output(monkeypatch, capsys, terminal, is_shown, seen):
    monkeypatch.setenv("FORCE_COLOR", terminal)  # rich takes what it writes to for a terminal

    with waits_for("ORDER o-1[/]", is_shown=is_shown):
        pass

    out, error = capsys.readouterr()
    assert ("waits for ORDER o-1[/]" in error, out) == (seen, "")
