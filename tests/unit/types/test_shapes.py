"""Versions of an earlier shape: whoever reads them sees today's."""

import ast
import json
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import pytest
from tests.support.orders import an_approval
from tests.support.typed import declaring
from tests.unit.types.test_ways_in import Ways

from sfn_cqrs.kernel.errors import TransientError, UpcastError
from sfn_cqrs.kernel.keys import ItemKey
from sfn_cqrs.kernel.models import models
from sfn_cqrs.kernel.policy import MEMBERS
from sfn_cqrs.machines.approval.effects import publish_decided
from sfn_cqrs.machines.approval.rules import Pinned, Status
from sfn_cqrs.machines.approval.types import Decided
from sfn_cqrs.machines.command import handlers
from sfn_cqrs.machines.command.data import HistoryService
from sfn_cqrs.machines.command.handlers import command_type, sync_handler, up_many
from sfn_cqrs.machines.command.projection import project_many, run_handler
from sfn_cqrs.machines.command.service import CommandService
from sfn_cqrs.machines.import_csv import strategies
from sfn_cqrs.machines.import_csv.declaration import Column, ImportStrategy, Record

ROOT = Path(__file__).parents[3]
VISIT = ItemKey("tenant1", "VISIT", "v-1")
FIRST = {"patient": "p-1", "duration": "0:30"}
LATER = {"patient": "p-1", "duration": "1:00"}


@dataclass(frozen=True)
class FirstShape:
    patient: str
    duration: str


@dataclass(frozen=True)
class Visit:
    patient: str
    minutes: int
    room: str


def minutes_from_duration(old):
    hours, minutes = old.pop("duration").split(":")
    return {**old, "minutes": 60 * int(hours) + int(minutes)}


def with_a_room(old):
    return {**old, "room": "unknown"}


UPCAST = {1: minutes_from_duration, 2: with_a_room}


def new(minutes, room="unknown"):
    return {"patient": "p-1", "minutes": minutes, "room": room}


@pytest.fixture
def visits(world):
    """Two applied versions of the first shape, then code that knows the third."""
    with declaring():
        command_type("VISIT", publish=MEMBERS, model=FirstShape)
        service = CommandService("tenant1")
        service.publish_sync("VISIT", "v-1", name="x", attributes=FIRST)
        world.clock.advance(seconds=60)
        service.publish_sync("VISIT", "v-1", name="x", attributes=LATER, version=1)
        command_type("VISIT", publish=MEMBERS, model=Visit, shape=3, upcast=UPCAST)
        yield service


READS = [
    ("/data/VISIT/v-1", [60]),
    ("/data?type=VISIT", [60]),
    ("/data/VISIT/v-1/history", [30]),
    ("/commands/VISIT/v-1/1", [30]),
]


@pytest.mark.usefixtures("visits")
@pytest.mark.parametrize(("path", "minutes"), READS)
def test_every_answer_of_the_api_has_todays_shape(call, path, minutes):
    path, _, type_ = path.partition("?type=")
    answer = call("GET", path, query={"type": type_} if type_ else None).body

    items = answer.get("items", [answer])
    assert [one["attributes"] for one in items] == [new(each) for each in minutes]


@pytest.mark.usefixtures("visits")
def test_an_item_as_it_was_has_todays_shape(world):
    moment = datetime.fromisoformat(world.commands.find(VISIT, 1).updated.at)

    row = HistoryService("tenant1").as_of("VISIT", "v-1", moment)

    assert (row.version, row.attributes) == (1, new(30))


@pytest.mark.usefixtures("visits")
def test_a_handler_sees_todays_shape_alone_and_in_bulk(world):
    seen = []

    @sync_handler("VISIT")
    def one(command):
        seen.append((command.attributes, command.model))

    command = world.commands.find(VISIT, 2)
    run_handler(command, "one")

    @up_many(one)
    def many(commands):
        seen.extend((each.attributes, each.model) for each in commands)

    assert project_many("VISIT", [command]) == []
    assert seen == [(new(60), Visit("p-1", 60, "unknown"))] * 2


def test_what_is_stored_stays_and_the_next_version_has_todays_shape(visits, world):
    visits.publish_partial("VISIT", "v-1", attributes={"room": "7"})

    stored = [world.commands.find(VISIT, version) for version in (1, 2, 3)]
    assert [one.shape for one in stored] == [1, 1, 3]
    assert [one.content.attributes for one in stored] == [FIRST, LATER, new(60, "7")]
    assert world.data.find(VISIT).shape == 1


def test_the_same_content_in_todays_words_writes_nothing(visits, world):
    published = visits.publish("VISIT", "v-1", name="x", attributes=new(60), version=2)

    assert (published.version, published.is_unchanged) == (2, True)
    assert world.commands.find(VISIT, 3) is None
    later = visits.publish("VISIT", "v-1", name="x", attributes=new(61), version=2)
    assert (later.version, later.is_unchanged) == (3, False)
    again = visits.publish("VISIT", "v-1", name="x", attributes=new(61), version=3)
    assert again.is_unchanged


@pytest.mark.usefixtures("visits")
def test_an_approval_that_was_open_meanwhile_changes_todays_shape(world):
    approval = an_approval(status=Status.GRANTED, item=Pinned("VISIT", "v-1", 2))

    publish_decided(Decided.of(approval), attributes={"room": "7"})

    assert world.commands.find(VISIT, 3).attributes == new(60, "7")


@pytest.mark.usefixtures("visits")
def test_an_import_compares_with_todays_shape(call, world):
    @strategies.import_strategy("visits", publish=MEMBERS)
    class Visits(ImportStrategy):
        type = "VISIT"
        columns = (Column("code"), Column("attributes"))

        def transform(self, cells):
            return Record(cells["code"], "x", json.loads(cells["attributes"]))

    assert Ways(call).imported(new(60)) is None
    assert world.commands.latest(VISIT).version == 2
    assert Ways(call).imported(new(90)) is None
    assert world.commands.latest(VISIT).attributes == new(90)
    assert world.data.find(VISIT).shape == 3


def test_a_rule_is_given_todays_shape_of_the_version_before(visits):
    asked = []

    def rule(before, after):
        asked.append((before, after))

    command_type("VISIT", model=Visit, shape=3, upcast=UPCAST, check=rule)

    visits.publish_partial("VISIT", "v-1", attributes={"minutes": 5})

    assert asked == [(Visit("p-1", 60, "unknown"), Visit("p-1", 5, "unknown"))]


def test_a_deletion_without_attributes_has_no_shape(visits, world):
    emptied = {"name": "x", "attributes": {}, "is_deleted": True}
    command_type("VISIT", model=FirstShape)
    visits.publish("VISIT", "v-1", version=2, **emptied)
    command_type("VISIT", model=Visit, shape=3, upcast=UPCAST)

    assert world.commands.find(VISIT, 3).attributes == {}


@pytest.mark.usefixtures("visits")
def test_an_upcast_that_fails_says_where_and_quotes_nothing(call):
    def broken(old):
        raise KeyError(old["duration"])

    command_type("VISIT", model=Visit, shape=3, upcast={1: broken, 2: with_a_room})

    answer = call("GET", "/data/VISIT/v-1")

    assert (answer.status, answer.body["code"]) == (500, "upcast_failed")
    assert answer.body["detail"].startswith("VISIT: the upcast of shape 1 raises KeyError")
    assert "test_shapes.py" in answer.body["detail"]
    assert "1:00" not in answer.body["detail"]


@pytest.mark.usefixtures("visits")
@pytest.mark.parametrize("answer", [None, [], {"patient": {1, 2}}])
def test_an_upcast_that_returns_no_attributes_fails(world, answer):
    command_type("VISIT", model=Visit, shape=2, upcast={1: lambda _: answer})

    with pytest.raises(UpcastError):
        _ = world.commands.find(VISIT, 1).attributes


@pytest.mark.usefixtures("visits")
def test_an_upcast_changes_nothing_that_is_stored(world):
    def deep(old):
        old["patient"]["name"] = "changed"
        return old

    command_type("OPEN", model=Visit, shape=2, upcast={1: deep})
    stored = world.commands.find(VISIT, 1)
    attributes = {"patient": {"name": "ada"}}

    content = replace(stored.content, attributes=attributes)
    old = replace(stored, key=ItemKey("tenant1", "OPEN", "o"), content=content)

    assert old.attributes == {"patient": {"name": "changed"}}
    assert attributes == {"patient": {"name": "ada"}}


def test_what_newer_code_has_published_waits_for_it(visits, world):
    seen = []

    @sync_handler("VISIT")
    def one(command):
        seen.append(command)

    @up_many(one)
    def many(commands):
        seen.extend(commands)

    visits.publish("VISIT", "v-1", name="x", attributes=new(90), version=2)
    newer = world.commands.find(VISIT, 3)
    command_type("VISIT", publish=MEMBERS, model=FirstShape)

    with pytest.raises(TransientError, match="shape 3 of VISIT"):
        run_handler(newer, "one")
    with pytest.raises(TransientError):
        project_many("VISIT", [newer])
    assert seen == []


@pytest.mark.parametrize(
    "declared",
    [
        {"model": Visit, "shape": 3, "upcast": {1: with_a_room}},
        {"model": Visit, "shape": 2},
        {"model": Visit, "upcast": {1: with_a_room}},
        {"model": Visit, "shape": 0, "upcast": {}},
        {"shape": 2, "upcast": {1: with_a_room}},
    ],
)
def test_a_shape_without_its_upcasts_is_refused(declared):
    with declaring(), pytest.raises(ValueError, match="upcast"):
        handlers.command_type("VISIT", **declared)


def test_every_version_that_is_made_says_its_shape():
    made = [
        (path.name, {word.arg for word in node.keywords})
        for path in sorted((ROOT / "layer").rglob("*.py"))
        if "Command(" in (source := path.read_text(encoding="utf-8")) or "DataRow(" in source
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") in ("Command", "DataRow")
    ]

    assert len(made) >= 3
    assert [name for name, words in made if not words & {"shape", None}] == []


@pytest.mark.usefixtures("visits")
def test_the_very_next_shape_is_newer_and_todays_is_not():
    assert [models.is_newer("VISIT", shape) for shape in (2, 3, 4)] == [False, False, True]


@pytest.mark.usefixtures("visits")
def test_a_rule_is_given_nothing_where_the_item_was_deleted(visits):
    given = []

    def rule(before, _after):
        given.append(before)

    command_type("VISIT", publish=MEMBERS, model=Visit, shape=3, upcast=UPCAST, check=rule)
    visits.delete("VISIT", "v-1", is_sync=True)
    visits.publish("VISIT", "v-1", name="x", attributes=new(5), version=3)

    assert given[-1] is None
