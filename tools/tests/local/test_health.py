"""A stack says what is wrong with it while it runs, and brings PostgreSQL back."""

import os
import shutil
import signal
from collections import namedtuple
from types import SimpleNamespace

import pytest

from sfn_cqrs_tools.runtime.postgres import LocalPostgres, PostgresError
from sfn_cqrs_tools.runtime.state import StateFolder
from sfn_cqrs_tools.stack import health
from sfn_cqrs_tools.stack.health import Health, Revival

Usage = namedtuple("Usage", "free")


@pytest.fixture
def stack(tmp_path):
    """What Health looks at: a state folder, a data folder in it, and two journals."""
    state, data = StateFolder(tmp_path / "state"), StateFolder(tmp_path / "data")
    state.acquire()
    data.acquire()
    writer = {"trouble": ""}
    yield SimpleNamespace(
        state=state,
        data=data,
        postgres=None,
        engine=SimpleNamespace(**writer),
        fabric=SimpleNamespace(**writer),
    )
    state.release()
    data.release()


@pytest.fixture
def troubles(stack):
    """Return what is wrong now."""

    def look():
        looking = Health(stack)
        looking.look()
        return list(looking.troubles)

    return look


def test_a_healthy_stack_says_nothing(troubles):
    assert troubles() == []


@pytest.mark.parametrize("journal", ["engine", "fabric"])
def test_a_journal_that_cannot_be_written_is_said(stack, troubles, journal):
    getattr(stack, journal).trouble = "database or disk is full"

    assert troubles() == [
        f"nothing can be written to {stack.data.path} (database or disk is full): requests are"
        " answered 503, and nothing is lost; it continues once there is room"
    ]


def test_a_disk_that_is_nearly_full_is_said(stack, troubles, monkeypatch):
    monkeypatch.setattr(health.shutil, "disk_usage", lambda _: Usage(3 * 1024 * 1024))

    assert troubles() == [f"the disk of {stack.data.path} is nearly full: 3 MiB are left"]


def test_a_folder_that_was_removed_is_said_even_if_another_is_there(stack, troubles):
    shutil.rmtree(stack.state.path)
    gone = troubles()
    stack.state.path.mkdir()
    (stack.state.path / "lock").touch()

    assert gone == troubles()
    assert gone[0].startswith(f"{stack.state.path} was removed while the stack runs")


class Server:
    """A PostgreSQL that has died, and starts at the third try."""

    def __init__(self):
        self.is_running = False
        self.tries = 0

    def restart(self):
        self.tries += 1
        if self.tries < 3:
            raise PostgresError("first line\nno room")
        self.is_running = True


def test_a_dead_server_is_said_and_started_again_ever_later(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(health.time, "monotonic", lambda: now[0])
    server = Server()
    revival = Revival(server)

    said = []
    for seconds in (0, 1, 1, 3, 3, 5, 1):
        now[0] += seconds
        said.append((server.tries, revival.look()))

    down = "PostgreSQL has died and is started again{}: SQL read models wait, and nothing is lost"
    assert said == [
        (0, down.format("")),
        (0, down.format(" (no room)")),
        (1, down.format(" (no room)")),
        (1, down.format(" (no room)")),
        (2, down.format(" (no room)")),
        (2, ""),
        (3, ""),
    ]


@pytest.mark.stack
def test_a_server_that_was_killed_is_noticed_and_runs_again(tmp_path):
    with LocalPostgres(tmp_path / "postgres") as server:
        dsn = server.dsn
        revival = Revival(server)
        well = revival.look()
        os.kill(server.pid, signal.SIGKILL)
        server._process.wait(60)
        said = [revival.look(), revival.look(), revival.look()]

        assert (well, said[0][:20], said[1:]) == ("", "PostgreSQL has died ", ["", ""])
        assert server.is_running
        assert server.dsn == dsn


def test_a_server_that_cannot_start_says_so_at_once(tmp_path, monkeypatch):
    monkeypatch.setattr("sfn_cqrs_tools.runtime.postgres._SETTINGS", {"no_such_setting": "1"})
    with LocalPostgres(tmp_path / "postgres") as server, pytest.raises(PostgresError) as failed:
        server.dsn  # noqa: B018 - it is asked for

    assert "no_such_setting" in str(failed.value)
