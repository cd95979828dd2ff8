"""`erase` and `erasure` on a running stack."""

import json
import stat
from dataclasses import dataclass
from typing import Annotated

import pytest
from tests.support.typed import declaring

from sfn_cqrs.kernel.models.models import Personal
from sfn_cqrs.kernel.policy import MEMBERS
from sfn_cqrs.machines.command import handlers
from sfn_cqrs.machines.command.handlers import command_type

pytestmark = pytest.mark.stack
PERSON, STREET = "person-4711", "12 St James's Square"


@dataclass(frozen=True)
class Letter:
    reader: str
    address: Annotated[str, Personal] = ""


@pytest.fixture(autouse=True)
def _letters():
    with declaring():
        command_type("LETTER", publish=MEMBERS, model=Letter, subject="reader")
        yield


def test_a_person_is_erased_and_the_certificate_is_shown(run):
    attributes = json.dumps({"reader": PERSON, "address": STREET})
    run("publish", "LETTER", "l-1", "--name", "a letter", "--attributes", attributes, "--sync")

    before = run("erasure", "list").output
    planned = run("erase", PERSON)
    done = run("erase", PERSON, "--yes", "--reason", "asked for", "--json")
    shown = run("erasure", "show", done.json["id"])
    listed = run("erasure", "list", "--json")
    again = run("erasure", "replay")
    unknown = run("erasure", "confirm", "no such")

    assert before == "no erasures yet\n"
    assert unknown.error.startswith("error: not_found: the erasure no such does not exist")

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
    monkeypatch.setattr(handlers.registry, "needs_two", True)

    asked = run("erase", "person-0815", "--yes", "--reason", "asked for")

    id_ = asked.output.split()[1]
    assert f"another operator has to confirm it: sfn-cqrs erasure confirm {id_}" in asked.output
    own = run("erasure", "confirm", id_)
    assert (own.code, "four_eyes" in own.error) == (1, True), own


def test_nobody_of_that_name_is_found(run):
    assert run("erase", "person-none").output == "nothing is stored about this person\n"
    assert run("erase", "x", "--yes").code == 1


def test_a_tenant_is_exported_and_imported_under_another_name(run, tmp_path):
    attributes = json.dumps({"reader": "person-1", "address": "x" * 6_000})
    more = ("--name", "a letter", "--attributes", attributes, "--sync", "--tenant", "leaving")
    run("publish", "LETTER", "l-1", *more)

    listed = run("tenant", "list", "--json")
    done = run("tenant", "export", "leaving", "-o", tmp_path / "out")
    taken = run("tenant", "import", "arriving", tmp_path / "out")

    assert {"tenant": "leaving", "items": 1, "types": {"LETTER": 1}} in listed.json
    assert done.output == "1 versions, 0 earlier states, 1 items\n"
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "out").rglob("*")}
    assert (modes.pop("LETTER.jsonl"), set(modes.values())) == (0o600, set())
    assert stat.S_IMODE((tmp_path / "out").stat().st_mode) == 0o700
    assert taken.output == "1 versions, 0 earlier states, 1 items are new\n"
    found = run("data", "get", "LETTER", "l-1", "--tenant", "arriving", "--json").json
    assert found["attributes"] == json.loads(attributes)
    audited = run("audit", "--tenant", "arriving")
    assert audited.output.endswith(" 0 findings\n"), audited
    (tmp_path / "out" / "LETTER.jsonl").write_text('{"kind": "else"}\n')
    refused = run("tenant", "import", "arriving", tmp_path / "out")
    assert (refused.code, "line 1: is not of an export" in refused.error) == (1, True), refused
    counted = run("tenant", "erase", "leaving").json
    gone = run("tenant", "erase", "leaving", "--yes").json
    assert (counted["isErased"], gone["isErased"]) == (False, True)
    assert gone["found"]["data"] == counted["found"]["data"] == 1
    assert "leaving" not in [one["tenant"] for one in run("tenant", "list", "--json").json]
