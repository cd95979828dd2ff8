"""How far long work is, on a terminal."""

from io import StringIO
from types import SimpleNamespace

import pytest
from rich.console import Console

from sfn_cqrs_tools.terminal.progress import progress

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
