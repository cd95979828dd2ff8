"""A table whose columns are the fields of its type's model."""

from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Annotated, Literal

import pytest
from tests.support.typed import declaring

from sfn_cqrs.kernel.command import Audit
from sfn_cqrs.kernel.keys import ImportKey, ItemKey
from sfn_cqrs.kernel.models.models import Meta
from sfn_cqrs.kernel.policy import MEMBERS
from sfn_cqrs.machines.command.handlers import command_type
from sfn_cqrs.machines.import_csv import strategies
from sfn_cqrs.machines.import_csv.batch import RowBatch
from sfn_cqrs.machines.import_csv.csv.rows import Row
from sfn_cqrs.machines.import_csv.declaration import Column
from sfn_cqrs.machines.import_csv.job import NO_SOURCE, Job, Loaded, Reader
from sfn_cqrs.machines.import_csv.model_strategy import ModelStrategy


@dataclass
class Visit:
    patient: str
    minutes: Annotated[int, Meta(ge=5)]
    price: Decimal | None = None
    weight: float = 0
    is_paid: bool = False
    day: date | None = None
    kind: Literal["first", "next"] = "first"
    tags: list[str] = field(default_factory=list)


COLUMNS = ("number", "patient", "minutes", "price", "weight", "is_paid", "day", "kind", "tags")


@pytest.fixture(autouse=True)
def _visits(world):  # noqa: ARG001 - rows need the fakes in place
    with declaring():
        command_type("VISIT", publish=MEMBERS, model=Visit)

        @strategies.import_strategy("visits", publish=MEMBERS)
        class Visits(ModelStrategy):
            type = "VISIT"
            attributes = Visit
            code = "number"
            aliases = {"minutes": ("duration",)}  # noqa: RUF012 - as a user writes it

        yield


def imported(*cells):
    key = ImportKey("tenant1", "01JDHZ0000000000000000000A")
    loaded = Loaded(0, COLUMNS, COLUMNS, Reader.NONE, NO_SOURCE)
    job = Job(key=key, table="visits", source=NO_SOURCE, by=Audit(""), loaded=loaded)
    strategy = strategies.find("visits")
    batch = RowBatch(job, strategy, [Row(2, list(cells))], is_last_try=True)
    return batch.run().plan[2]


def test_the_columns_are_the_fields():
    columns = strategies.find("visits").columns

    assert columns[:3] == (
        Column("patient", required=True),
        Column("minutes", required=True, aliases=("duration",)),
        Column("price"),
    )
    assert columns[-1] == Column("number", required=True)


def test_cells_are_read_as_the_fields_ask_for(world):
    row = imported("v-1", "ada", "30", "12.50", "70.5", "TRUE", "2026-11-29", "next", '["a", "b"]')

    assert row.problem is None
    assert world.data.find(ItemKey("tenant1", "VISIT", "v-1")).content.attributes == {
        "patient": "ada",
        "minutes": 30,
        "price": "12.50",
        "weight": 70.5,
        "is_paid": True,
        "day": "2026-11-29",
        "kind": "next",
        "tags": ["a", "b"],
    }


def test_an_empty_cell_is_left_out(world):
    assert imported("v-1", "ada", "30", "", "", "", "", "", "").problem is None

    row = world.data.find(ItemKey("tenant1", "VISIT", "v-1"))
    assert (row.name, row.content.attributes) == ("v-1", {"patient": "ada", "minutes": 30})


def test_every_wrong_cell_is_named_by_its_column():
    row = imported("v-1", "", "lots", "much", "heavy", "yes", "soon", "last", "a,b")

    assert (row.problem.code, row.problem.reason) == (
        "invalid",
        "patient: is required; minutes: must be an integer, at least 5; price: must be a decimal"
        " number, such as 12.50; weight: must be a number; is_paid: must be true or false;"
        " day: must be a date, such as 2026-11-29; kind: must be one of first, next;"
        " tags: must be a list",
    )


def test_what_is_not_a_dataclass_is_refused():
    with pytest.raises(TypeError):

        class Numbers(ModelStrategy):
            attributes = int
            code = "number"
