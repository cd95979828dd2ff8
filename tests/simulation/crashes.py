"""Scenarios in which each function is killed before and after each call that it makes."""

import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise

from botocore.exceptions import ConnectTimeoutError
from tests.support.airports import Airport, two_versions
from tests.support.calls import AwsCall
from tests.support.moto_system import MotoSystem
from tests.support.system import killing

Play = Callable[[MotoSystem], Airport]


@dataclass(frozen=True)
class Crashes:
    """A scenario, and those of its functions that are killed in it; perhaps in the express lane."""

    play: Play
    functions: tuple[str, ...]
    is_express: bool = False

    def __str__(self) -> str:
        return f"{self.play.__name__}{' express' if self.is_express else ''}"

    def system(self) -> MotoSystem:
        """A new system for one run."""
        return MotoSystem(express=0.0 if self.is_express else None)

    def calls(self) -> list[AwsCall]:
        """The calls of a run in which nobody is killed; of equal ones in a row, the ends."""
        with self.system() as system, system.calls.recorded() as made:
            self.play(system)
        own = [call for call in made if call.function in self.functions]
        repeated = {
            call
            for before, call in pairwise(own)
            if (before.function, before.operation) == (call.function, call.operation)
        }
        following = {
            before
            for before, call in pairwise(own)
            if (before.function, before.operation) == (call.function, call.operation)
        }
        return [call for call in own if call not in repeated & following]

    def run(self, call: AwsCall, moment: str) -> None:
        """Kill once, and let everything heal.

        Raises:
            AssertionError: not everything did.
        """
        with self.system() as system:
            with killing(system, call, moment) as killed:
                airport = self.play(system)
            system.settle()
            assert killed == [call]
            airport.assert_complete()
            running = [each for each in system.executions() if each["status"] == "RUNNING"]
            assert running == []


def out_of_order(system: MotoSystem) -> Airport:
    """The second version starts first, waits, and is woken."""
    airport = two_versions(system)
    system.poll()
    system.stream.pending.reverse()
    system.run()
    return airport


def fails_and_is_retried(system: MotoSystem) -> Airport:
    """A handler of the first version raises; the second is blocked until the retry."""
    airport = two_versions(system)
    with failing(system):
        system.settle()
    airport.operate(1, "retry")
    system.run()
    return airport


def synchronous(system: MotoSystem) -> Airport:
    """The first version is applied by its request, the second by the machine."""
    airport = Airport(system)
    airport.publish("Narita", mode="sync")
    airport.publish("Narita International")
    system.run()
    return airport


def synchronous_on_top(system: MotoSystem) -> Airport:
    """The second version is applied by its request."""
    airport = Airport(system)
    airport.publish("Narita")
    system.settle()
    airport.publish("Narita International", mode="sync")
    system.run()
    return airport


def starts_are_lost(system: MotoSystem) -> Airport:
    """The sweep starts what the stream has lost."""
    system.stream.dropped = lambda record: record["dynamodb"]["NewImage"]["status"]["S"] == "start"
    airport = two_versions(system)
    system.settle()
    return airport


def is_aborted(system: MotoSystem) -> Airport:
    """An execution ends without a word; the event of its end closes it, the retry heals it."""
    airport = two_versions(system)
    system.poll()
    system.stream.pending.reverse()
    first = system.stream.pending.pop()
    system.run()
    system.engine.stop_execution(system.executions()[0]["executionArn"])
    system.run()
    system.stream.pending.append(first)
    system.settle()
    airport.operate(2, "retry")
    system.run()
    return airport


def is_handed_over(system: MotoSystem) -> Airport:
    """The second version starts alone, looks again, and goes on where it can wait."""
    airport = two_versions(system)
    system.poll()
    first = system.stream.pending.pop(0)
    system.run()
    system.stream.pending.append(first)
    system.run()
    return airport


def is_busy_for_long(system: MotoSystem) -> Airport:
    """AWS is busy for longer than the lane sits it out; what passes is handed over."""
    tries: set[int] = set()

    def refuse(call: AwsCall, moment: str) -> None:
        is_its = call.function == "CommandHistoryCopyFunction" and moment == "before"
        if is_its and len(tries) < 10:
            tries.add(call.invocation)
            raise ConnectTimeoutError(endpoint_url="https://aws")

    system.calls.observers.append(refuse)
    airport = Airport(system)
    airport.publish("Narita")
    system.run()
    assert len(tries) == 10
    return airport


def is_gone_in_silence(system: MotoSystem) -> Airport:
    """A run is gone while its third state works; the sweep hands its version over."""
    begun = itertools.count(1)
    system.dies = lambda: next(begun) == 3
    airport = two_versions(system)
    system.settle()
    assert next(begun) > 3
    return airport


@contextmanager
def failing(system: MotoSystem) -> Iterator[None]:
    """The next handler that writes in a transaction, airports_by_country, raises."""
    raised: list[AwsCall] = []

    def fail(call: AwsCall, moment: str) -> None:
        is_its = call.function == "CommandSyncDataFunction" and moment == "before"
        if is_its and call.operation == "TransactWriteItems" and not raised:
            raised.append(call)
            raise RuntimeError("the read model is out of order")

    with system.calls.observed_by(fail):
        yield


STATES = (
    "CommandCheckVersionFunction",
    "CommandWaitPrevCommandFunction",
    "CommandSetTtlCommandFunction",
    "CommandHistoryCopyFunction",
    "CommandTransformDataFunction",
    "CommandSyncDataFunction",
    "CommandFinishFunction",
)
STREAM = "StreamOnProcessChangedFunction"
API = "ApiHandleRequestFunction"
SWEEP = "ScheduleSweepCommandsFunction"
FAILURE = "CommandMarkFailedFunction"

CRASHES = [
    Crashes(out_of_order, (*STATES, STREAM, API)),
    Crashes(fails_and_is_retried, (FAILURE, STREAM, API)),
    Crashes(synchronous, (API,)),
    Crashes(synchronous_on_top, (API,)),
    Crashes(starts_are_lost, (SWEEP,)),
    Crashes(is_aborted, (SWEEP, STREAM)),
    Crashes(out_of_order, (*STATES, STREAM, API), is_express=True),
    Crashes(is_handed_over, (*STATES, STREAM), is_express=True),
    Crashes(fails_and_is_retried, (FAILURE, STREAM, API), is_express=True),
    Crashes(is_busy_for_long, (FAILURE, STREAM), is_express=True),
    Crashes(is_gone_in_silence, (SWEEP, STREAM), is_express=True),
    Crashes(starts_are_lost, (SWEEP,), is_express=True),
]
