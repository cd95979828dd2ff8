"""How far long work is, on a terminal."""

from io import StringIO
from itertools import count
from types import SimpleNamespace

import pytest
from rich.console import Console

from sfn_cqrs_tools.terminal.progress import NO_TOTAL, counting, progress, waits_for, working

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


@pytest.fixture
def each_second(monkeypatch):
    """A second passes with each look at the clock."""
    clock = SimpleNamespace(monotonic=count().__next__)
    monkeypatch.setattr("sfn_cqrs_tools.terminal.progress.time", clock)


@pytest.mark.usefixtures("each_second")
def test_an_hour_of_work_writes_few_lines_into_a_file():
    console = Console(file=StringIO(), width=100)

    with progress(console, "Imported", 3_600) as update:
        for done in range(1, 3_601):
            update(done)

    lines = console.file.getvalue().splitlines()
    assert lines[:2] == ["Imported 1 of 3600", "Imported 3 of 3600"]
    assert lines[-1] == "Imported 3600 of 3600"
    assert len(lines) < 75


@pytest.mark.usefixtures("each_second")
def test_a_second_part_that_counts_something_else_has_no_total():
    console = Console(file=StringIO(), width=100)

    with progress(console, "Done", 0) as update:
        update(100, total=100, note="replaying")
        for done in (150, 160, 170, 180):
            update(done, total=NO_TOTAL, note="comparing")

    lines = console.file.getvalue().splitlines()
    assert lines == ["Done 100 of 100: replaying", "Done 150: comparing", "Done 170: comparing"]


@pytest.mark.usefixtures("each_second")
def test_work_of_unknown_length_says_now_and_then_how_much_is_done():
    console = Console(file=StringIO(), width=100)

    with counting(console, "looked at") as told:
        for done in range(0, 60_000, 1_000):
            told(done)

    lines = console.file.getvalue().splitlines()
    assert lines[:2] == ["looked at: 1,000", "looked at: 3,000"]
    assert len(lines) < 10


@pytest.mark.parametrize(
    ("terminal", "is_shown", "seen"), [("1", True, True), ("1", False, False), ("", True, False)]
)
def test_a_wait_is_seen_beside_the_output(monkeypatch, capsys, terminal, is_shown, seen):
    monkeypatch.setenv("FORCE_COLOR", terminal)  # rich takes what it writes to for a terminal

    with waits_for("ORDER o-1[/]", is_shown=is_shown):
        pass

    out, error = capsys.readouterr()
    assert ("waits for ORDER o-1[/]" in error, out) == (seen, "")
