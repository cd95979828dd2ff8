"""What a local stack writes is its user's alone, and PostgreSQL's log quotes no value."""

import os
import stat
from pathlib import Path

import pytest
from tests.support.postgres import connected

from sfn_cqrs_tools.runtime.data_folder import DataFolder, KeptEvents
from sfn_cqrs_tools.runtime.postgres import LocalPostgres
from sfn_cqrs_tools.runtime.state import StateFolder
from sfn_local.persistence.journal import Journal

PRIVATE = ("ada@example.com", "DE89370400440532013000", "a-secret-of-theirs")


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_files_with_events_and_task_tokens_are_their_users_alone(tmp_path: Path) -> None:
    events, journal = KeptEvents(tmp_path / "events.sqlite"), Journal(tmp_path / "engine")

    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    modes = {path.name: mode(path) for path in files}
    journal.close()
    events.close()
    assert len(modes) > 2
    assert set(modes.values()) == {0o600}


@pytest.mark.parametrize("is_open", [True, False], ids=["of an earlier release", "new"])
def test_the_logs_and_locks_of_a_stack_are_its_users_alone(tmp_path: Path, is_open: bool) -> None:
    """Also where the folder lets others pass: PostgreSQL, which runs as nobody, has to."""
    state, data = StateFolder(tmp_path / "x" / "state"), DataFolder(tmp_path / "x" / "data")
    if is_open:
        state.path.mkdir(parents=True)
        for name in ("stack.log", "traces.jsonl", "express.jsonl", "fabric.log", "lock"):
            (state.path / name).touch(0o644)
            (state.path / name).chmod(0o644)
    before = os.umask(0o022)
    try:
        state.acquire()
        data.acquire(fresh=False)
        state.begin_logs(keep=False)
        for log in (state.stack_log, state.traces, state.express_log, state.fabric_log):
            with log.open("a", encoding="utf-8") as file:
                file.write("a line\n")
    finally:
        os.umask(before)

    modes = {path.name: mode(path) for path in tmp_path.rglob("*") if path.is_file()}
    assert modes.keys() > {"stack.log", "traces.jsonl", "express.jsonl", "fabric.log", "lock"}
    assert set(modes.values()) == {0o600}
    assert mode(data.path) == 0o700
    assert is_open or mode(state.path) == 0o700
    state.release()
    data.release()


def test_the_log_of_postgresql_has_no_value_and_is_its_users_alone(tmp_path: Path) -> None:
    with LocalPostgres(tmp_path / "postgres") as server:
        ours = connected(server.dsn)
        ours.run("CREATE TABLE people (email text PRIMARY KEY, iban text, age int)")
        for value in PRIVATE:
            for statement in (
                f"INSERT INTO people VALUES ('{value}', '{value}', 'no number: {value}')",
                f"SELECT '{value}'::int",
                f"SELECT 1 FROM nowhere WHERE email = '{value}'",
            ):
                with pytest.raises(Exception, match=r"invalid input|does not exist"):
                    ours.run(statement)
            ours.run("INSERT INTO people VALUES (:value)", value=value)
            with pytest.raises(Exception, match="duplicate key"):
                ours.run("INSERT INTO people VALUES (:value)", value=value)
        ours.close()
        log = tmp_path / "postgres" / "log"
        told = log.read_text(encoding="utf-8")
        assert mode(log) == 0o600

    assert [value for value in PRIVATE if value in told] == []
