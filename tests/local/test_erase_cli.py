"""`erase` and `erasure` on a running stack."""

import json
from dataclasses import dataclass
from typing import Annotated

import pytest
from tests.support.command_line import command_line
from tests.support.typed import declaring

from sfn_cqrs.domain.models import Personal
from sfn_cqrs.domain.policy import MEMBERS
from sfn_cqrs.service import handlers
from sfn_cqrs.service.handlers import command_type

pytestmark = pytest.mark.stack
PERSON, STREET = "person-4711", "12 St James's Square"


@dataclass(frozen=True)
class Letter:
    reader: str
    address: Annotated[str, Personal] = ""


@pytest.fixture
def run(monkeypatch, capfdbinary, stack):
    """Return what runs a command on the stack."""
    with declaring():
        command_type("LETTER", publish=MEMBERS, model=Letter, subject="reader")
        yield command_line(monkeypatch, capfdbinary, after=("--state", stack.state.path))


def test_a_person_is_erased_and_the_certificate_is_shown(run):
    attributes = json.dumps({"reader": PERSON, "address": STREET})
    run("publish", "LETTER", "l-1", "--name", "a letter", "--attributes", attributes, "--sync")

    planned = run("erase", PERSON)
    done = run("erase", PERSON, "--yes", "--reason", "asked for", "--json")
    shown = run("erasure", "show", done.json["id"])
    listed = run("erasure", "list", "--json")
    again = run("erasure", "replay")

    assert planned.code == 0, planned
    assert "commands: 1\n" in planned.output
    assert planned.output.endswith("nothing was changed; --yes --reason WHY erases it\n")
    assert done.json["passes"] == 1, done
    found = run("data", "get", "LETTER", "l-1", "--json").json
    assert (found["name"], found["attributes"]["address"]) == ("[erased]", "")
    assert f"erasure {done.json['id']} is RUNNING" in shown.output
    assert "not covered: point-in-time recovery of the tables, until " in shown.output
    assert [one["id"] for one in listed.json] == [done.json["id"]]
    assert again.output == "1 erasures are done again; the hourly function ends them\n"


def test_where_two_people_are_needed_the_second_is_asked_for(run, monkeypatch):
    monkeypatch.setattr(handlers, "_needs_two", True)

    asked = run("erase", "person-0815", "--yes", "--reason", "asked for")

    id_ = asked.output.split()[1]
    assert f"another operator has to confirm it: sfn-cqrs erasure confirm {id_}" in asked.output
    own = run("erasure", "confirm", id_)
    assert (own.code, "four_eyes" in own.error) == (1, True), own


def test_nobody_of_that_name_is_found(run):
    assert run("erase", "person-none").output == "nothing is stored about this person\n"
    assert run("erase", "x", "--yes").code == 1
