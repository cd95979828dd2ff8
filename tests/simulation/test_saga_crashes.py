"""A saga whose functions are killed before and after each of their calls, once and at every try."""

from dataclasses import replace
from typing import Any

import pytest
from tests.simulation.saga_story import ALWAYS, LINES, Fault, Story, function_of, tell
from tests.support.calls import AwsCall, moments_of
from tests.support.orders import an_order
from tests.support.proof import every, shares
from tests.support.saga_system import SagaSystem
from tests.support.system import killing, silent

from sfn_cqrs.machines.saga.items import SAGAS
from sfn_cqrs.machines.saga.rules import SagaStatus
from sfn_local import FunctionError

OPERATIONS = (
    "Take GetItem",
    "PutItem",
    "Take GetItem",
    "Take PutItem",
    "GetItem",
    "TransactWriteItems",
)
"""Of the tenant's bucket of writes, which is new, of the request's key, and of the saga."""
STREAM, SWEEP = "StreamOnSagaChangedFunction", "ScheduleSweepSagasFunction"
FORWARD = ("resume", "reserve_stock", "charge_payment", "ship_order", "finish_saga")
BACK = ("cancel_shipment", "refund_payment", "release_stock")
STUCK = Fault(function_of("refund_payment"), error="busy", times=ALWAYS)
STORIES: dict[str, tuple[Story, tuple[str, ...]]] = {
    "ships": (Story(), (*map(function_of, FORWARD), STREAM)),
    "is declined": (
        Story(order=an_order(lines=LINES, card="declined")),
        tuple(map(function_of, ("charge_payment", "refund_payment", "release_stock"))),
    ),
    "is out of one of two": (
        Story(order=an_order(lines=[LINES[0], {"sku": "PEN", "quantity": 9}])),
        tuple(map(function_of, ("reserve_stock", "release_stock", "finish_saga"))),
    ),
    "is undone from the last step": (
        Story(is_shipped_before=True),
        tuple(map(function_of, ("ship_order", "cancel_shipment", "refund_payment"))),
    ),
    "is parked": (
        Story(is_shipped_before=True, faults=(STUCK,)),
        (function_of("park_saga"), function_of("resume"), STREAM),
    ),
    "is aborted": (
        Story(aborted=((function_of("charge_payment"), 1),)),
        (function_of("resume"), STREAM, SWEEP),
    ),
    "is late": (Story(late=((function_of("ship_order"), 7),)), tuple(map(function_of, BACK))),
}

RUN, UNDO, FINISH = (
    function_of(each, "saga") for each in ("run_steps", "undo_steps", "finish_saga")
)
BEGIN, PARK = (function_of(each, "saga") for each in ("resume", "park_saga"))
STORIES |= {
    "declared, ships": (Story(machine="saga"), (BEGIN, RUN, FINISH, STREAM)),
    "declared, is declined": (
        Story(order=an_order(lines=LINES, card="declined"), machine="saga"),
        (RUN, UNDO, FINISH),
    ),
    "declared, is undone from the last step": (
        Story(is_shipped_before=True, machine="saga"),
        (RUN, UNDO),
    ),
    "declared, is parked": (
        Story(
            is_shipped_before=True,
            faults=(Fault(UNDO, error="busy", times=ALWAYS),),
            machine="saga",
        ),
        (PARK, BEGIN, STREAM),
    ),
    "declared, is aborted": (
        Story(aborted=((RUN, 1),), machine="saga"),
        (BEGIN, STREAM, SWEEP),
    ),
    "declared by line, is out of one of two": (
        Story(
            order=an_order(lines=[LINES[0], {"sku": "PEN", "quantity": 9}]),
            machine="saga",
            is_by_line=True,
        ),
        (RUN, UNDO, FINISH),
    ),
    "declared, is late": (Story(late=((RUN, 7),), machine="saga"), (UNDO,)),
}


def moments_in(story: Story, functions: tuple[str, ...]) -> list[tuple[AwsCall, str]]:
    """When the first invocation of each function may die."""
    made: dict[tuple[str, int], AwsCall] = {}

    class Seen(SagaSystem):
        def __init__(self, *given: Any, **more: Any) -> None:
            super().__init__(*given, **more)
            self.calls.observers.append(self._note)

        def _note(self, call: AwsCall, moment: str) -> None:
            if moment == "before" and call.function in functions:
                made.setdefault((call.function, call.number), call)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tests.simulation.saga_story.SagaSystem", Seen)
        tell(story)
    return moments_of(made.values())


def is_sweep_for_nothing(call: AwsCall) -> bool:
    """Whether a sweep that always dies here heals nothing: an alarm tells of its failures."""
    return call.function == SWEEP and not call.operation.startswith("Restart")


@shares(40, usual=3)
@pytest.mark.parametrize("times", [1, ALWAYS], ids=["once", "always"])
@pytest.mark.parametrize("name", STORIES)
def test_killed_at_any_call_a_saga_ends_right(name: str, times: int, nth: int) -> None:
    story, functions = STORIES[name]
    moments = moments_in(story, functions)
    assert {call.function for call, _ in moments} == set(functions)

    for call, moment in every(nth, moments):
        if times == ALWAYS and is_sweep_for_nothing(call):
            continue
        fault = Fault(call.function, call.number, moment, times=times)
        try:
            end = tell(replace(story, faults=(*story.faults, fault)))
        except Exception as error:
            pytest.fail(f"killed {moment} {call}: {error!r}")
        assert end.last.status in (SagaStatus.COMPLETED, SagaStatus.COMPENSATED)


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_start_that_dies_and_is_asked_for_again_is_one_saga(moment: str) -> None:
    body = {"saga": "order-saga", "input": an_order()}
    for number, operation in enumerate(OPERATIONS, start=1):
        with silent(), SagaSystem() as system:
            system.stock("BOOK", 5)
            call = AwsCall("ApiHandleRequestFunction", 1, number, operation)
            with killing(system, call, moment) as killed, pytest.raises(FunctionError):
                system.api("POST", "/sagas", body, key="once")
            assert killed == [call]
            status, answer = system.api("POST", "/sagas", body, key="once")
            system.settle_sagas()

            assert (status, len(system.world.all_of(SAGAS))) == (202, 1)
            assert system.saga(answer["id"]).status is SagaStatus.COMPLETED
            assert system.attributes("STOCK", "BOOK") == {"available": 3}
