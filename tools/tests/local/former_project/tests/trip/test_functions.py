import importlib

import pytest

from sfn_cqrs.domain.errors import SagaStepError, StepRefusedError
from sfn_cqrs.domain.keys import SagaRef
from sfn_cqrs.domain.saga import EntryStatus, SagaStatus
from sfn_cqrs.service.sagas.types import find
from sfn_cqrs_tools.testing.builders import a_saga

STEPS = [
    "reserve",
    "charge",
]
UNDO = [
    "undo_reserve",
    "undo_charge",
]


def call(state, event):
    app = importlib.import_module(f"functions.trip.{state}.app")
    return app.lambda_handler(event, None)


@pytest.fixture
def saga(world, sample):
    """Return a maker of the sample events' saga, and a reader of it as it is."""
    ref = SagaRef.from_input(sample("trip/start_execution"))

    def make(**changes):
        fields = {"saga": "trip", "status": SagaStatus.RUNNING, "input": {"id": "1"}}
        world.seed_sagas(a_saga(ref.key, **{**fields, **changes}))
        return lambda: world.sagas.find(ref.key)

    return make


def test_a_saga_is_made_step_by_step(saga, sample):
    now = saga(status=SagaStatus.CREATED)

    answers = [call(state, sample(f"trip/{state}")) for state in ["resume", *STEPS]]

    assert answers == [{"result": "forward"}, *[{"result": "DONE"}] * len(STEPS)]
    assert call("finish_saga", sample("trip/finish_saga")) == {"result": "COMPLETED"}
    assert now().status is SagaStatus.COMPLETED


def test_what_has_begun_is_undone_in_reverse(saga, sample):
    now = saga()
    for step in STEPS:
        call(step, sample(f"trip/{step}"))

    for undo in reversed(UNDO):
        assert call(undo, sample(f"trip/{undo}")) == {"result": "DONE"}

    assert call("finish_saga", sample("trip/finish_saga")) == {"result": "COMPENSATED"}
    assert now().status is SagaStatus.COMPENSATED


def test_what_never_began_is_not_undone(saga, sample):
    saga()

    assert call(UNDO[-1], sample(f"trip/{UNDO[-1]}")) == {"result": "NOT_NEEDED"}


def test_a_step_that_is_refused_says_why(saga, sample, monkeypatch):
    now = saga()
    monkeypatch.setitem(find("trip").steps, STEPS[0], refuse)

    with pytest.raises(SagaStepError, match="no_room"):
        call(STEPS[0], sample(f"trip/{STEPS[0]}"))

    assert now().log[STEPS[0]].status is EntryStatus.REFUSED


def test_a_saga_that_nobody_can_undo_is_parked(saga, sample):
    now = saga(status=SagaStatus.COMPENSATING, is_undoing=True)

    assert call("park_saga", sample("trip/park_saga"))["result"] == "PARKED"

    assert now().status is SagaStatus.PARKED


def refuse(_step):
    raise StepRefusedError("no_room", "there is no room left")
