"""Read models whose rows have a class: what is written, read and shown of them."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Literal

import pydantic
import pytest
from jsonschema import Draft202012Validator
from tests.support.typed import declaring

from sfn_cqrs import bootstrap
from sfn_cqrs.kernel.models.models import InvalidModelError, Meta
from sfn_cqrs.kernel.policy import MEMBERS, group
from sfn_cqrs.machines.command.handlers import find, sync_handler
from sfn_cqrs.machines.command.read_models import TypedRow, read_model_type
from sfn_cqrs_tools.testing.builders import a_command

PLACE = ("tenant1", "dr-who", "a-1")


@dataclass(frozen=True)
class Room:
    """Where."""

    number: int


@dataclass(frozen=True)
class Slot:
    """A row of a doctor's day."""

    patient: str
    starts_at: datetime
    minutes: Annotated[int, Meta(ge=5)]
    price: Decimal | None
    status: Literal["booked", "done"] = "booked"
    rooms: list[Room] = field(default_factory=list)


SLOT = Slot("ada", datetime(2026, 11, 29, 9, tzinfo=UTC), 30, None, rooms=[Room(1)])
STORED = {
    "patient": "ada",
    "starts_at": "2026-11-29T09:00:00Z",
    "minutes": 30,
    "status": "booked",
    "rooms": [{"number": 1}],
    "version": 1,
}


@pytest.fixture(autouse=True)
def _undone():
    with declaring():
        yield


@pytest.fixture
def slots(world):  # noqa: ARG001 - rows are kept there
    return read_model_type("slots", by="doctor", read=MEMBERS, row=Slot)


def test_a_row_is_stored_as_json_and_read_as_an_instance(slots):
    dearer = Slot("bob", SLOT.starts_at, 45, Decimal("12.50"))

    assert slots.put_if_newer(*PLACE, SLOT, 1) is True
    assert slots.put_if_newer("tenant1", "dr-who", "a-2", dearer, 1) is True

    assert bootstrap.read_model("slots").get(*PLACE) == STORED
    assert slots.get(*PLACE) == TypedRow("a-1", 1, SLOT)
    assert [row.model for row in slots.rows("tenant1", "dr-who")] == [SLOT, dearer]
    assert slots.page("tenant1", "dr-who", 1).items[0].model.starts_at.hour == 9
    assert slots.get("tenant1", "dr-who", "none") is None


def test_rows_are_guarded_deleted_and_moved_as_others_are(slots):
    slots.move("tenant1", "a-1", SLOT, 1, ("dr-who", "a-1"))
    moved = slots.move("tenant1", "a-1", SLOT, 2, ("dr-no", "a-1"))
    late = slots.move("tenant1", "a-1", SLOT, 1, ("dr-who", "a-1"))
    slots.put_if_newer("tenant1", "dr-who", "b-1", SLOT, 3)
    deleted = slots.delete("tenant1", "dr-who", "b-1", 4)

    assert (moved, late, deleted) == (True, False, True)
    assert slots.rows("tenant1", "dr-who") == []
    assert slots.rows("tenant1", "dr-no") == [TypedRow("a-1", 2, SLOT)]
    assert slots.move("tenant1", "a-1", None, 3, None) is True
    assert slots.rows("tenant1", "dr-no") == []


WRONG = {"patient": "ada", "starts_at": "soon", "minutes": 3, "price": None, "x": 1, "version": 1}


@pytest.mark.parametrize(
    "write",
    [
        lambda view: view.put_if_newer(*PLACE, WRONG),
        lambda view: view.move("tenant1", "a-1", WRONG, ("dr-who", "a-1")),
        lambda view: view.write_all([view.replace(*PLACE, WRONG, None)]),
    ],
    ids=["put", "move", "replace"],
)
@pytest.mark.usefixtures("slots")
def test_a_row_that_does_not_fit_is_not_written_however_it_is_made(write, world):
    with pytest.raises(InvalidModelError) as refused:
        write(bootstrap.read_model("slots"))

    assert refused.value.problems == [
        ("slots.starts_at", "must be a time with its offset, such as 2026-11-29T09:00:00Z"),
        ("slots.minutes", "must be an integer, at least 5"),
        ("slots.x", "is not known"),
    ]
    assert world.dynamodb.items("ReadModelsTable") == []


def test_an_instance_is_checked_as_well_since_a_dataclass_checks_nothing(slots, world):
    with pytest.raises(InvalidModelError, match=r"slots\.minutes: must be"):
        slots.put_if_newer(*PLACE, Slot("ada", SLOT.starts_at, 3, None), 1)

    assert world.dynamodb.items("ReadModelsTable") == []


@pytest.mark.usefixtures("slots")
def test_what_a_row_has_besides_its_fields_is_no_field():
    view = bootstrap.read_model("slots")

    assert view.put_if_newer(*PLACE, {**STORED, "is_deleted": False, "ttl": 9, "erased": "x"})


@pytest.mark.usefixtures("world")
def test_partitions_that_nobody_reads_are_the_handlers_own():
    read_model_type("slots", by=("days",), row=Slot)
    view = bootstrap.read_model("slots")

    assert view.put_if_newer("tenant1", "counted", "a-1", {"version": 1, "n": 3})
    with pytest.raises(InvalidModelError, match=r"slots\.patient: is required"):
        view.put_if_newer("tenant1", "days", "a-1", {"version": 1})


def test_a_row_from_before_the_class_changed_says_so_when_it_is_read(slots, world):
    world.read_model("slots").put_if_newer(*PLACE, {"version": 1, "patient": 5})

    with pytest.raises(InvalidModelError, match=r"slots\.patient: must be a string"):
        slots.get(*PLACE)


@pytest.mark.usefixtures("world")
def test_rows_may_be_models_of_pydantic():
    class Seat(pydantic.BaseModel):
        """A seat."""

        row: int
        taken_at: datetime | None = None

    seats = read_model_type("seats", by="hall", row=Seat)
    seats.put_if_newer("tenant1", "red", "1", Seat(row=1, taken_at=SLOT.starts_at), 1)

    assert seats.get("tenant1", "red", "1").model == Seat(row=1, taken_at=SLOT.starts_at)


def test_a_handler_that_writes_a_row_that_does_not_fit_fails_with_its_fields(slots):
    @sync_handler("ORDER")
    def slots_of_orders(command):
        slot = Slot("ada", SLOT.starts_at, 1, None)
        slots.put_if_newer("tenant1", "ada", "o-1", slot, command.version)

    with pytest.raises(InvalidModelError, match=r"slots\.minutes: must be"):
        find("ORDER", "slots_of_orders")(a_command())


@pytest.mark.usefixtures("slots")
def test_the_document_has_the_rows_of_each_read_model_at_its_own_path(call):
    bootstrap.read_model("slots").put_if_newer(*PLACE, STORED)
    document = call("GET", "/openapi.json").body

    def check(path, answer):
        said = document["paths"][path]["get"]["responses"]["200"]["content"]["application/json"]
        schema = {**said["schema"], "components": document["components"]}
        Draft202012Validator(schema).validate(answer)
        return Draft202012Validator(schema)

    rows = check("/read-models/slots/{partition}", call("GET", "/read-models/slots/dr-who").body)
    check(
        "/read-models/slots/{partition}/{sort}", call("GET", "/read-models/slots/dr-who/a-1").body
    )
    assert not rows.is_valid({"items": [{"sort": "a-1", "row": {**STORED, "minutes": "lots"}}]})
    operations = [
        one["operationId"] for path in document["paths"].values() for one in path.values()
    ]
    assert len(set(operations)) == len(operations)


@pytest.mark.usefixtures("slots")
def test_the_class_is_shown_to_whoever_may_read_the_rows(call):
    read_model_type("secrets", by="doctor", read=group("doctor"), row=Slot)
    nobody = {"cognito:username": "eve", "custom:tenant": "tenant1"}

    listed = {one["name"]: one for one in call("GET", "/read-models", claims=nobody).body["items"]}
    document = call("GET", "/openapi.json", claims=nobody).body

    assert list(listed["slots"]["row"]["properties"])[:2] == ["patient", "starts_at"]
    assert "row" not in listed["orders_by_customer"]
    assert "secrets" not in listed
    assert "/read-models/secrets/{partition}" not in document["paths"]


def test_named_partitions_are_listed(call):
    read_model_type("slots", by=("days", "weeks"), read=MEMBERS, row=Slot)

    said = call("GET", "/openapi.json").body["paths"]["/read-models/slots/{partition}"]["get"]

    assert said["parameters"][0]["schema"]["enum"] == ["days", "weeks"]
