"""What is published has to fit the model of its type, by whatever way it comes in."""

import ast
import csv
import json
from copy import deepcopy
from dataclasses import make_dataclass
from datetime import date, datetime
from decimal import Decimal
from io import StringIO
from itertools import count
from pathlib import Path
from typing import Annotated, Literal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.support.orders import an_approval
from tests.support.places import dotted
from tests.support.typed import GOOD, Guest, declare_visits, declaring

import sfn_cqrs
from sfn_cqrs import bootstrap
from sfn_cqrs.api.declared import route
from sfn_cqrs.kernel.command import Audit, Content
from sfn_cqrs.kernel.errors import SfnCqrsError
from sfn_cqrs.kernel.http.problems import problem_of
from sfn_cqrs.kernel.keys import ImportKey, ItemKey
from sfn_cqrs.kernel.models.models import Meta
from sfn_cqrs.kernel.policy import MEMBERS
from sfn_cqrs.machines.approval.effects import publish_decided
from sfn_cqrs.machines.approval.rules import Pinned, Status
from sfn_cqrs.machines.approval.types import Decided
from sfn_cqrs.machines.command import change, deciding, giving_up
from sfn_cqrs.machines.command.service import CommandService
from sfn_cqrs.machines.import_csv import planning, publishing, strategies
from sfn_cqrs.machines.import_csv.batch import RowBatch
from sfn_cqrs.machines.import_csv.csv.rows import Row
from sfn_cqrs.machines.import_csv.job import NO_SOURCE, Job, Loaded, Reader
from sfn_cqrs.machines.saga.effects import publish_once
from sfn_cqrs.machines.saga.types import SagaStep
from sfn_cqrs.machines.schedule import deadlines

CODE = "v-1"
VISIT = ItemKey("tenant1", "VISIT", CODE)
NUMBERS = count(1)


class Ways:
    """Every way in: each publishes attributes, over an item that is there or not.

    Answers what is wrong, by field; None where it is published.
    """

    def __init__(self, call, code=CODE):
        self._call = call
        self._code = code

    def single(self, attributes):
        return self._sent("/commands", _body(self._code, attributes))

    def sync(self, attributes):
        return self._sent("/commands", _body(self._code, attributes, mode="sync"))

    def batch(self, attributes):
        commands = [_body(self._code, attributes)]
        answer = self._call("POST", "/commands/batch", {"commands": commands})
        result = answer.body["results"][0]
        return _told(result["status"], result.get("problem"))

    def own_route(self, attributes):
        return self._sent("/visits", {"code": self._code, "attributes": attributes})

    def python(self, attributes):
        service = CommandService("tenant1")
        asked = {"name": "x", "attributes": attributes, "version": -1}
        return _caught(lambda: service.publish("VISIT", self._code, **asked))

    def saga(self, attributes):
        step = SagaStep("tenant1", "a-saga", f"s-{next(NUMBERS)}", "book", 1, {})
        return _caught(
            lambda: publish_once(step, "VISIT", self._code, lambda _: Content("x", attributes))
        )

    def imported(self, attributes):
        number = next(NUMBERS)
        key = ImportKey("tenant1", f"01JDHZ{number:020}")
        columns = ("code", "attributes")
        loaded = Loaded(0, columns, columns, Reader.NONE, NO_SOURCE)
        batch = RowBatch(
            Job(key=key, table="visits", source=NO_SOURCE, by=Audit(""), loaded=loaded),
            strategies.find("visits"),
            [Row(2, [self._code, json.dumps(attributes)])],
            is_last_try=True,
        )
        problem = batch.run().plan[2].problem
        if problem is None:
            return None
        assert problem.code == "invalid", problem
        return _named(problem.reason)

    def file(self, attributes):
        key = f"uploads/tenant1/01JDHZ{next(NUMBERS):020}/visits.csv"
        text = StringIO()
        rows = csv.writer(text)
        rows.writerows([("code", "attributes"), (self._code, json.dumps(attributes))])
        bootstrap.import_bucket().put(key, text.getvalue().encode())
        body = {"key": key, "tableName": "visits", "processingMode": "DIRECT"}
        job = self._call("POST", "/imports", body).body
        if not job["failed"]:
            return None
        errors = self._call("GET", f"/imports/{job['id']}/errors.csv").text
        (row,) = csv.DictReader(StringIO(errors.removeprefix("\ufeff")))
        return _named(row["reason"])

    def _sent(self, path, body):
        answer = self._call("POST", path, body)
        return _told(answer.status, answer.body)


class PartialWays:
    """The ways that change an item which is there."""

    def __init__(self, call, code=CODE):
        self._call = call
        self._code = code

    def partial(self, attributes):
        answer = self._call("POST", "/commands", _body(self._code, attributes, partial=True))
        return _told(answer.status, answer.body)

    def batch(self, attributes):
        commands = [_body(self._code, attributes, partial=True)]
        answer = self._call("POST", "/commands/batch", {"commands": commands})
        result = answer.body["results"][0]
        return _told(result["status"], result.get("problem"))

    def approval(self, attributes):
        approval = an_approval(status=Status.GRANTED, item=Pinned("VISIT", self._code, 1))
        return _caught(lambda: publish_decided(Decided.of(approval), attributes=attributes))


def _body(code, attributes, **more):
    body = {"type": "VISIT", "code": code, "name": "x", "attributes": attributes, "version": -1}
    return {**body, **more}


def _named(reason):
    """The fields that the reason of a row names."""
    return {f"attributes.{field.partition(': ')[0]}" for field in reason.split("; ")}


def _caught(publish):
    try:
        publish()
    except SfnCqrsError as error:
        return _told(*problem_of(error))
    return None


def _told(status, document):
    if status < 400:
        return None
    assert (status, document["code"]) == (400, "invalid_input")
    return {one["field"] for one in document["problems"]}


@pytest.fixture
def _visits():
    with declaring():
        declare_visits()

        @route("POST", "/visits", allow=MEMBERS)
        def book(asked):
            """Book a visit."""
            CommandService(asked.tenant).publish(
                "VISIT",
                asked.body["code"],
                name="x",
                attributes=dict(asked.body["attributes"]),
                version=-1,
            )
            return {}

        yield


WAYS = [name for name in vars(Ways) if not name.startswith("_")]
PARTIAL_WAYS = [name for name in vars(PartialWays) if not name.startswith("_")]
WRONG = {
    "missing": ({"patient": None}, {"patient"}),
    "type": ({"minutes": "lots"}, {"minutes"}),
    "limit": ({"minutes": 241}, {"minutes"}),
    "enum": ({"status": "lost"}, {"status"}),
    "unknown": ({"bogus": True}, {"bogus"}),
    "nested": ({"guests": [{"name": "ada"}, {"name": 5}]}, {"guests[1].name"}),
    "too large": ({"guests": [{"name": "ada"}] * 4}, {"guests"}),
    "several": (
        {"patient": None, "minutes": "lots", "status": 1, "price": "-1", "bogus": {}},
        {"patient", "minutes", "status", "price", "bogus"},
    ),
}


def changed(changes):
    """Attributes that fit, but for some changes; None takes a field away."""
    attributes = {**deepcopy(GOOD), **changes}
    return {name: value for name, value in attributes.items() if value is not None}


def written(world):
    """What is stored of the item."""
    opened = [world.processes.find(VISIT, version) for version in (1, 2)]
    return world.commands.latest(VISIT), world.data.find(VISIT), opened


@pytest.mark.usefixtures("_visits")
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("kind", WRONG)
def test_what_does_not_fit_is_refused_by_every_way_in_naming_every_field(call, world, way, kind):
    changes, fields = WRONG[kind]
    before = written(world)

    told = getattr(Ways(call), way)(changed(changes))

    assert told == {f"attributes.{field}" for field in fields}
    assert written(world) == before


@pytest.mark.usefixtures("_visits")
@pytest.mark.parametrize("way", WAYS)
def test_what_fits_is_published_by_every_way_in_as_it_was_sent(call, world, way):
    assert getattr(Ways(call), way)(deepcopy(GOOD)) is None

    assert world.commands.find(VISIT, 1).attributes == GOOD


@pytest.mark.usefixtures("_visits")
@pytest.mark.parametrize("way", PARTIAL_WAYS)
@pytest.mark.parametrize("kind", WRONG)
def test_a_change_is_held_against_the_model_once_it_is_merged(call, world, way, kind):
    changes, fields = WRONG[kind]
    CommandService("tenant1").publish("VISIT", CODE, name="x", attributes=deepcopy(GOOD))
    before = written(world)

    told = getattr(PartialWays(call), way)(changes)

    assert told == {f"attributes.{field}" for field in fields}
    assert written(world) == before


@pytest.mark.usefixtures("_visits")
@pytest.mark.parametrize("way", PARTIAL_WAYS)
def test_a_change_that_fits_is_published(call, world, way):
    CommandService("tenant1").publish("VISIT", CODE, name="x", attributes=deepcopy(GOOD))

    assert getattr(PartialWays(call), way)({"minutes": 45}) is None

    assert world.commands.find(VISIT, 2).attributes == {**GOOD, "minutes": 45}


@pytest.mark.usefixtures("_visits")
def test_a_rule_over_the_item_as_it_is_is_asked_by_every_way_in(call, world):
    def unfinished(current, after):
        is_done = current.status == "done" and after != current
        return "a visit that is done does not change" if is_done else None

    done = {**GOOD, "status": "done"}
    CommandService("tenant1").publish_sync("VISIT", CODE, name="x", attributes=done)
    declare_visits(check=unfinished)
    before = written(world)
    asked = changed({"minutes": 45})

    answers = [
        call("POST", "/commands", _body(CODE, asked)),
        call("POST", "/commands", _body(CODE, {"minutes": 45}, partial=True)),
        call("POST", "/commands", _body(CODE, asked, mode="sync")),
    ]
    batch = call("POST", "/commands/batch", {"commands": [_body(CODE, asked)]}).body["results"][0]
    told = [(answer.status, answer.body["code"], answer.body["detail"]) for answer in answers]
    told.append((batch["status"], batch["problem"]["code"], batch["problem"]["detail"]))
    ways = Ways(call)
    for publish in (ways.python, ways.saga):
        with pytest.raises(AssertionError, match="rule_refused"):
            publish(asked)
    with pytest.raises(AssertionError, match="rule_refused"):
        ways.imported(asked)

    assert set(told) == {(409, "rule_refused", "a visit that is done does not change")}
    assert written(world) == before


def test_whatever_publishes_asks_for_the_model():
    """Every version is made of a change that is checked, or of a row, so no way in can go around.

    What is decided together is made of changes, too.
    """
    made, checked = set(), set()
    for file in Path(sfn_cqrs.__file__).parent.rglob("*.py"):
        source = file.read_text(encoding="utf-8")
        if "Publication(" not in source and "check_content(" not in source:
            continue
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.Call):
                name = ast.unparse(node.func).rpartition(".")[2]
                made |= {dotted(file)} if name.endswith("Publication") else set()
                checked |= {dotted(file)} if name == "check_content" else set()

    assert made == {change.__name__, deciding.__name__, publishing.__name__}
    asks_before_it_skips = giving_up.__name__
    assert checked == {
        change.__name__,
        planning.__name__,
        asks_before_it_skips,
        deadlines.__name__,  # when it is set; it is published as a version like any
    }


HINTS = [
    int,
    float,
    bool,
    str | None,
    datetime,
    date,
    Decimal | None,
    Literal["a", "b"],
    list[int],
    dict[str, Guest],
    Guest,
    Annotated[str, Meta(max_length=2)],
    Annotated[int, Meta(ge=0)],
]
VALUES = st.sampled_from(
    [
        *(None, True, 0, 1.5, -1, "a", "abc", "12.5", "2026-11-29", "2026-11-29T09:00:00Z"),
        *([], [1], ["a"], {}, {"name": "ada"}, {"a": {"name": ""}}, {"a": {"name": "ada"}}),
    ]
)


@pytest.mark.usefixtures("_visits", "world")
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.dictionaries(st.sampled_from("abcd"), st.sampled_from(HINTS), min_size=1),
    st.sets(st.sampled_from("abcd")),
    st.dictionaries(st.sampled_from("abcde"), VALUES),
    st.booleans(),
)
def test_no_way_in_differs_from_another(call, hints, optional, attributes, keeps):
    needed = [(name, hint) for name, hint in hints.items() if name not in optional]
    others = [(name, hint, None) for name, hint in hints.items() if name in optional]
    model = make_dataclass("Drawn", needed + others)
    declare_visits(model=model, unknown="keep" if keeps else "refuse")

    told = {way: getattr(Ways(call, f"v-{next(NUMBERS)}"), way)(attributes) for way in WAYS}

    assert len({each and frozenset(each) for each in told.values()}) == 1, told
