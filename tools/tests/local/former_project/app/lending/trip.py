"""trip: a saga. Its steps are all made, or all undone."""

from sfn_cqrs.domain.errors import InvalidInputError
from sfn_cqrs.domain.policy import MEMBERS
from sfn_cqrs.domain.values import Json
from sfn_cqrs.service.sagas.types import SagaStep, compensation, saga_step, saga_type

SAGA = "trip"


def check_input(given: dict[str, Json]) -> None:
    """Refuse what no step could work on, before anything begins.

    Raises:
        InvalidInputError: it names the field.
    """
    if not isinstance(given.get("id"), str) or not given["id"]:
        raise InvalidInputError("input.id", "must be a text that is not empty")


saga_type(SAGA, publish=MEMBERS, check=check_input)


@saga_step(SAGA, "reserve")
def reserve(step: SagaStep) -> Json:
    """Make the step; `step.key` is the idempotency key for what it calls."""
    return {"id": step.input["id"]}


@compensation(SAGA, "undo_reserve", of="reserve")
def undo_reserve(step: SagaStep) -> Json:
    """Undo the step if it has happened; `step.undone_key` is the key that it has used."""
    return {"id": step.input["id"]}


@saga_step(SAGA, "charge")
def charge(step: SagaStep) -> Json:
    """Make the step; `step.key` is the idempotency key for what it calls."""
    return {"id": step.input["id"]}


@compensation(SAGA, "undo_charge", of="charge")
def undo_charge(step: SagaStep) -> Json:
    """Undo the step if it has happened; `step.undone_key` is the key that it has used."""
    return {"id": step.input["id"]}
