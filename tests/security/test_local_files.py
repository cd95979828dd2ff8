"""What a local stack writes is its user's alone, and PostgreSQL's log quotes no value."""

import stat
from pathlib import Path

import pytest
from tests.support.postgres import connected

from sfn_cqrs_tools.runtime.data_folder import KeptEvents
from sfn_cqrs_tools.runtime.postgres import LocalPostgres
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
