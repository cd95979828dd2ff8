import pytest
from tests.support.command_line import command_line

from sfn_cqrs_tools.restore.rehearsal import RehearsalError, rehearse
from sfn_cqrs_tools.runtime import versions


@pytest.mark.proof
@pytest.mark.stack
def test_a_rehearsed_restore_adds_up_with_what_was_under_way(monkeypatch, capsysbinary):
    answer = command_line(monkeypatch, capsysbinary)("rehearse", "restore", "--json")

    assert answer.code == 0
    assert answer.json == {"rows": 16, "retried": 0, "differences": []}


@pytest.mark.proof
@pytest.mark.stack
def test_a_restore_whose_parameters_do_not_reach_what_is_behind_live_does_not_add_up(
    monkeypatch, tmp_path
):
    """Then the API and handlers go on with the old tables, which roles do not allow any more."""
    monkeypatch.setattr(versions, "_DIGEST_OF_DEPLOYMENT", "no such file")

    with pytest.raises(RehearsalError, match="the API answers internal_error"):
        rehearse(tmp_path, lambda _: None)
