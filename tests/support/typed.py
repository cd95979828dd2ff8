"""A type with a model, declared for one test: visits to a doctor, by every way in."""

import json
import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from copy import copy
from dataclasses import dataclass, field, fields
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from types import ModuleType
from typing import Annotated, Any, Literal
from unittest import mock

from sfn_cqrs.api import declared as routes
from sfn_cqrs.care.repairs import work as _declares_a_task  # noqa: F401
from sfn_cqrs.kernel import masking
from sfn_cqrs.kernel.models import models
from sfn_cqrs.kernel.models.models import Meta, Personal
from sfn_cqrs.kernel.policy import MEMBERS
from sfn_cqrs.kernel.read_models import row_models
from sfn_cqrs.machines.approval import types as approval_types
from sfn_cqrs.machines.command import handlers, read_models
from sfn_cqrs.machines.import_csv import strategies
from sfn_cqrs.machines.import_csv.declaration import Column, ImportStrategy, Record
from sfn_cqrs.machines.saga import types as saga_types
from sfn_cqrs.machines.schedule import declared_jobs
from sfn_cqrs.machines.task import types as task_types
from sfn_cqrs.machines.zip_orchestrator import hooks


@dataclass(frozen=True)
class Guest:
    """Somebody who comes along."""

    name: Annotated[str, Meta(min_length=1)]
    email: Annotated[str, Personal] = ""


@dataclass(frozen=True)
class Visit:
    """A visit to a doctor."""

    patient: Annotated[str, Meta(min_length=1, max_length=40)]
    starts_at: datetime
    minutes: Annotated[int, Meta(ge=5, le=240)]
    status: Literal["booked", "cancelled", "done"] = "booked"
    price: Annotated[Decimal, Meta(ge=0)] | None = None
    born: date | None = None
    guests: Annotated[list[Guest], Meta(max_length=3)] = field(default_factory=list)


GOOD: dict[str, Any] = {
    "patient": "p-1",
    "starts_at": "2026-11-29T09:00:00Z",
    "minutes": 30,
    "price": "12.50",
    "guests": [{"name": "ada"}],
}


APP = Path(__file__).parents[2] / "app"
REGISTRIES = (
    *((handlers.registry, one.name) for one in fields(handlers.registry)),
    (hooks, "_hooks"),
    (declared_jobs, "_jobs"),
    (models, "_typed"),
    *((read_models, name) for name in ("_tables", "_types")),
    (routes, "_routes"),
    (row_models, "_models"),
    *((strategies, name) for name in ("_rules", "_strategies")),
    (approval_types, "_otherwise"),
    *((types, "_types") for types in (approval_types, saga_types, task_types)),
)
"""All that declarations are kept in."""


IN_BOTH = ("ORDER", "orders_by_customer")
"""What the starter and the worked example both declare; no stack runs both."""


def package_of(test: Path) -> str:
    """The package whose tests these are, by their folder; the worked example's for all else."""
    folder = test.parent.name
    return folder if (APP / folder / "__init__.py").is_file() else "shop"


def load(package: str) -> None:
    """Declare what a package declares."""
    with mock.patch.dict(os.environ, {"APP_PACKAGE": package}):
        handlers.load()


def declared() -> dict[str, Any]:
    """Name all that is declared."""
    return {f"{_called(place)}.{name}": _names(place, name) for place, name in REGISTRIES}


@contextmanager
def forgetting(*anew: str) -> Iterator[None]:
    """Forget afterwards what is declared inside; what is declared `anew` is forgotten before."""
    with ExitStack() as stack:
        for place, name in REGISTRIES:
            kept = _copied(place, name)
            for one in anew if isinstance(kept, dict) else ():
                kept.pop(one, None)
            stack.enter_context(mock.patch.object(place, name, kept))
        yield


def _copied(place: object, name: str) -> Any:
    """Copy a registry; what is kept of a type or an action may be a collection too."""
    kept = getattr(place, name)
    if not isinstance(kept, dict):
        return copy(kept)
    return {key: copy(one) if isinstance(one, dict | list) else one for key, one in kept.items()}


def _called(place: object) -> str:
    return place.__name__ if isinstance(place, ModuleType) else type(place).__name__


def _names(place: object, name: str) -> Any:
    kept = getattr(place, name)
    if not isinstance(kept, dict):
        return copy(kept)
    return {key: [*one] if isinstance(one, dict | list) else "" for key, one in kept.items()}


@contextmanager
def only_declares_within(test: Path) -> Iterator[None]:
    """Load what a file tests, and refuse that it declares what files after it would know."""
    load("shop")
    own, known = package_of(test), {*sys.modules}
    with nullcontext() if own == "shop" else forgetting(*IN_BOTH):
        load(own)
        before = declared()
        yield
        masking._personal.clear()  # or what these items hold is masked in the logs of others
        assert declared() == before, "declare within tests.support.typed.declaring"
    if own != "shop":  # so that it can be loaded again
        for name in [one for one in {*sys.modules} - known if one.partition(".")[0] == own]:
            del sys.modules[name]


@contextmanager
def declaring(*anew: str) -> Iterator[None]:
    """Forget afterwards what is declared inside; types to declare `anew` are forgotten before."""
    handlers.load()
    with forgetting():
        for type_ in anew:
            handlers.registry.access.pop(type_)
        yield


def declare_visits(**more: Any) -> None:
    """Declare the type VISIT and the table `visits`, whose rows are cells of JSON."""
    handlers.command_type("VISIT", **{"publish": MEMBERS, "model": Visit, **more})

    @strategies.import_strategy("visits", publish=MEMBERS)
    class Visits(ImportStrategy):
        """A row has its code, and a cell with the attributes."""

        type = "VISIT"
        columns = (Column("code", required=True), Column("attributes", required=True))

        def transform(self, cells: dict[str, str]) -> Record:
            """Take the cell as it is."""
            return Record(cells["code"], "a visit", json.loads(cells["attributes"]))
