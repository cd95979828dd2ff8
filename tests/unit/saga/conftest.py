from dataclasses import dataclass
from datetime import timedelta

import pytest

from sfn_cqrs.kernel.clock import iso
from sfn_cqrs.machines.command import handlers
from sfn_cqrs.machines.saga import types as saga_types
from sfn_cqrs.machines.saga.declaring import Retry, saga
from sfn_cqrs.machines.saga.rules import Entry, EntryStatus, SagaStatus
from sfn_cqrs_tools.testing.builders import ORDERED, a_saga


@dataclass
class Parcel:
    """The input."""

    weight: int


class Work:
    """What the steps of a saga have done, and how each of them ends."""

    def __init__(self):
        self.done = []
        self.ends = {}
        """By name: results and errors, one for each try; the last is for all that follow."""
        self.takes = {}
        """By name: what happens while it works."""

    def step(self, name):
        def make(_step):
            self.done.append(name)
            self.takes.get(name, lambda: None)()
            ends = self.ends.get(name, [f"{name} is done"])
            end = ends.pop(0) if len(ends) > 1 else ends[0]
            if isinstance(end, BaseException):
                raise end
            return end

        make.__name__ = name
        return make


@pytest.fixture
def work():
    """The user's code behind a declared saga."""
    return Work()


@pytest.fixture
def courier(work):
    """A declared saga: it books, weighs, sends by truck or by bike, waits an hour, and tells."""
    handlers.load()

    def declare(s):
        s.step(work.step("book"), undo=work.step("cancel"), retry=Retry(2))
        s.choice(
            work.step("weigh"),
            heavy=lambda s: s.step(work.step("by_truck"), undo=work.step("call_back")),
            light=[work.step("by_bike")],
        )
        s.pause("an_hour", timedelta(hours=1))
        s.step(work.step("tell"), within=timedelta(minutes=2))

    work.ends["weigh"] = ["heavy"]
    yield saga("courier", input=Parcel)(declare)
    del saga_types._types["courier"]


@pytest.fixture
def seed(world, courier):
    """Return a maker of a courier's saga that runs: these steps are done, or have begun so."""

    def make(*done, log=None, **changes):
        lines = {each: Entry(status=EntryStatus.DONE, began_at=iso(world.clock())) for each in done}
        if "weigh" in lines:
            lines["weigh"] = Entry(status=EntryStatus.DONE, result="heavy")
        fields = {"status": SagaStatus.RUNNING, "order": courier.order, **changes}
        world.seed_sagas(
            a_saga(saga="courier", input={"weight": 30}, log={**lines, **(log or {})}, **fields)
        )
        return world

    return make


@pytest.fixture
def stored(world):
    """Return a reader of the saga as it is now."""
    return lambda: world.sagas.find(ORDERED)


@pytest.fixture
def event(sample):
    """Return a maker of the event that a state of the machine sends, changed where a test asks."""

    def make(state, *, tries=0, attempt=1, given=None):
        event = sample(f"saga/{state}")
        event["context"]["State"]["RetryCount"] = tries
        event["context"]["Execution"]["Input"]["attempt"] = attempt
        event["input"] = event["input"] if given is None else given
        return event

    return make


@pytest.fixture
def said():
    """Return a maker of what the state before has said."""

    def make(step, *, seq=0, seconds=60, do="run"):
        return {"result": do, "step": step, "seq": seq, "seconds": seconds, "until": ""}

    return make
