import pytest
from tests.support.command_line import command_line


@pytest.mark.proof
@pytest.mark.stack
def test_a_rehearsed_restore_adds_up_with_what_was_under_way(monkeypatch, capsysbinary):
    answer = command_line(monkeypatch, capsysbinary)("rehearse", "restore", "--json")

    assert answer.code == 0
    assert answer.json == {"rows": 16, "retried": 0, "differences": []}
