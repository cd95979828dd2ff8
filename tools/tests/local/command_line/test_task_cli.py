import json

import pytest
from tests.support.command_line import command_line

pytestmark = pytest.mark.stack

GOOD = {"order": "o-1", "to": "ada@example.com"}
BAD = {"order": "o-2", "to": "nowhere"}


@pytest.fixture
def task(monkeypatch, capsys, stack):
    """Return what runs a `task` command on the stack."""
    return command_line(monkeypatch, capsys, before="task", after=("--state", stack.state.path))


def test_a_task_that_goes_well_exits_0_and_says_how_far_it_is(task):
    result = task("run", "ORDER_REMINDER", json.dumps([GOOD] * 3), "--name", "November")

    assert result.code == 0
    assert "Done 3 of 3" in result.output
    assert " November is COMPLETED, attempt 1: 3 of 3 completed, 0 failed" in result.output


def test_a_task_with_failed_items_exits_2_and_tells_of_each(task):
    result = task("run", "ORDER_REMINDER", json.dumps([GOOD, BAD]), "--json")
    shown = task("show", result.json["id"], "--status", "FAILED")

    assert (result.code, result.json["failed"]) == (2, 1)
    assert [item["status"] for item in result.json["items"]] == ["COMPLETED", "FAILED"]
    assert shown.code == 0
    assert "ValueError: '[personal]' is not an e-mail address" in shown.output
    assert 'app/shop/reminders.py", line ' in shown.output
    *_, code, next_ = shown.output.splitlines()
    assert "is not an e-mail address" in code
    assert next_ == f"once it is repaired: sfn-cqrs task retry {result.json['id']}"


def test_a_retry_runs_what_failed_and_exits_as_it_ended(task):
    id_ = task("run", "ORDER_REMINDER", json.dumps([GOOD, BAD]), "--json").json["id"]

    result = task("retry", id_, "--json")

    assert (result.code, result.json["attempt"]) == (2, 2)
    assert [item["attempt"] for item in result.json["items"]] == [1, 2]


def test_a_single_task_takes_an_object_from_a_file(task, tmp_path):
    path = tmp_path / "input.json"
    path.write_text(json.dumps(GOOD))

    result = task("run", "ORDER_REMINDER", f"@{path}", "--json")
    listed = task("list", "ORDER_REMINDER", "--single", "--json")

    assert (result.code, result.json["result"]["to"]) == (0, "ada@example.com")
    assert result.json["id"] in [one["id"] for one in listed.json]


def test_a_task_that_is_not_waited_for_prints_its_id_and_can_be_cancelled(task):
    id_ = task("run", "ORDER_REMINDER", json.dumps([GOOD] * 50), "--no-wait").output.strip()

    cancelled = task("cancel", id_)
    ended = task("show", id_, "--watch", "--json")

    assert cancelled.output == f"{id_} begins no further item\n"
    assert (ended.code, ended.json["status"]) == (2, "CANCELLED")


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("run", "NOPE", "[1]"), 1, "unknown_task_type: taskType: 'NOPE' is not registered"),
        (("run", "ORDER_REMINDER", "[]"), 1, "no_items: input: has no items"),
        (("run", "ORDER_REMINDER", "{"), 64, "INPUT is not JSON"),
        (("run", "ORDER_REMINDER", "@/no/such/file"), 64, "INPUT: "),
        (("show", "t-1"), 1, "no task has an id that begins with 't-1'; `sfn-cqrs task list"),
        (("retry", "t-01KAXK3V9Q0M3W8C5R6T7Y8Z9A"), 1, "not_found: "),
    ],
)
def test_what_is_wrong_is_told_in_one_line(arguments, code, message, task):
    result = task(*arguments)

    assert result.code == code
    assert message in result.error
