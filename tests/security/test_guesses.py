"""Who may publish an item and not read it learns nothing of it, however many guesses they send."""

from dataclasses import dataclass

import pytest
from tests.support.api import MEMBER, Person
from tests.support.typed import declaring

from sfn_cqrs import bootstrap
from sfn_cqrs.kernel.keys import ItemKey
from sfn_cqrs.kernel.policy import MEMBERS, group
from sfn_cqrs.machines.command.handlers import command_type
from sfn_cqrs.machines.command.process import Mode, Outcome
from sfn_cqrs.machines.command.service import CommandService
from sfn_cqrs.machines.import_csv.declaration import Column, ImportStrategy, Record
from sfn_cqrs.machines.import_csv.items import IMPORTS
from sfn_cqrs.machines.import_csv.strategies import import_strategy
from sfn_cqrs_tools.testing.builders import a_process

HR = Person("hanna", ("hr",))
GUESSES = ("wrong", "right")
FILE = "uploads/tenant1/01KAXK3V9Q0M3W8C5R6T7Y8Z9A/letters.csv"


@dataclass(frozen=True)
class Letter:
    """A letter."""

    text: str
    is_closed: bool = False


def never_closed(before, _after):
    """Let nothing change a letter that is closed."""
    return "a closed letter does not change" if before is not None and before.is_closed else None


@pytest.fixture(autouse=True)
def _letters(api):  # noqa: ARG001 - the world has to be there
    """Two letters that members write, and only the group hr reads; a guess goes to each."""
    with declaring():
        command_type("LETTER", publish=MEMBERS, read=group("hr"), model=Letter, check=never_closed)

        @import_strategy("letters", publish=MEMBERS)
        class Letters(ImportStrategy):
            """A row has the text."""

            type = "LETTER"
            columns = (Column("code", required=True), Column("text"), Column("is_closed"))

            def transform(self, cells):
                """Take the cells."""
                is_closed = cells["is_closed"] == "yes"
                return Record(cells["code"], "x", {"text": cells["text"], "is_closed": is_closed})

        yield


def written(*, is_closed):
    for code in GUESSES:
        attributes = {"text": "right", "is_closed": is_closed}
        CommandService("tenant1").publish_sync("LETTER", code, name="x", attributes=attributes)


def told(answer):
    """What says something: not the ids, and not the code, which is the guess itself."""
    body = {**answer.body} if isinstance(answer.body, dict) else {}
    error = answer.code if answer.status >= 400 else None
    return answer.status, error, body.get("unchanged"), body.get("version")


def sent(guess, *, is_closed, more):
    attributes = {"text": guess, **({} if more.get("partial") else {"is_closed": is_closed})}
    return {"type": "LETTER", "code": guess, "attributes": attributes, **more}


@pytest.mark.parametrize("is_closed", [False, True], ids=["open", "closed by a rule"])
@pytest.mark.parametrize("mode", ["sync", "async"])
@pytest.mark.parametrize("more", [{"partial": True}, {"name": "x"}], ids=["partial", "whole"])
@pytest.mark.parametrize("outcome", [Outcome.OPEN, Outcome.FAILED, Outcome.APPLIED])
def test_an_answer_does_not_say_whether_a_guess_is_right(api, outcome, more, mode, is_closed):
    written(is_closed=is_closed)
    for code in GUESSES:
        key = ItemKey("tenant1", "LETTER", code)
        api.world.seed(a_process(key, 1, outcome=outcome, mode=Mode.ASYNC))

    answers, batches = [], []
    for guess in GUESSES:
        body = {**sent(guess, is_closed=is_closed, more=more), "mode": mode}
        answers.append(told(api.send(MEMBER, "POST", "/commands", body)))
        batch = api.send(MEMBER, "POST", "/commands/batch", {"commands": [body]})
        batches.append([one["status"] for one in batch.body["results"]])

    assert answers[0] == answers[1]
    assert batches[0] == batches[1]
    assert answers[0][2] is None


def test_whoever_may_read_is_told_that_nothing_changed(api):
    written(is_closed=True)
    body = {"type": "LETTER", "code": "right", "partial": True, "attributes": {"text": "right"}}

    answer = api.send(HR, "POST", "/commands", body)

    assert told(answer) == (200, None, True, 1)


def imported(api, who, rows, **more):
    api.world.import_bucket.put(FILE, ("code,text,is_closed\n" + rows).encode())
    body = {"key": FILE, "tableName": "letters", "processingMode": "DIRECT", **more}
    return api.send(who, "POST", "/imports", body).body


@pytest.mark.parametrize("is_dry", [True, False])
def test_a_row_that_a_rule_refuses_does_not_say_whether_its_guess_is_right(api, is_dry):
    written(is_closed=True)

    rows = [imported(api, MEMBER, f"{guess},{guess},yes\n", dryRun=is_dry) for guess in GUESSES]

    assert [(one["accepted"], one["failed"]) for one in rows] == [(0, 1), (0, 1)]
    assert imported(api, HR, "right,right,yes\n")["unchanged"] == 1


@pytest.mark.parametrize("is_dry", [True, False])
def test_an_undo_does_not_say_how_many_guesses_changed_something(api, is_dry):
    """It has a row for each version: its total would tell, and then one could guess again."""
    written(is_closed=False)
    jobs = [imported(api, MEMBER, f"{guess},{guess},no\n") for guess in GUESSES]
    api.world.clock.advance(minutes=2)
    before = api.world.all_of(IMPORTS)

    path = "/imports/{}/undo"
    refused = [api.send(MEMBER, "POST", path.format(job["id"]), {"dryRun": is_dry}) for job in jobs]

    assert {(one.status, one.code) for one in refused} == {(403, "not_permitted")}
    assert api.world.all_of(IMPORTS) == before
    assert (
        bootstrap.data().find(ItemKey("tenant1", "LETTER", "wrong")).attributes["text"] == "wrong"
    )
