"""An order's saga through the real functions and the real machine, with faults, and what must hold.

Invariants:
G1  in the end a saga is COMPLETED and every step is made, or COMPENSATED and none is, or
    PARKED with a log that says what is left
G2  each step has its effect at most once, and so has what undoes it, never without the step
G3  what a late function does changes nothing of that
G4  a parked saga that is retried comes to one of the other ends: nothing fails any more, and the
    operator has retried failed versions before, which a step or its compensation waits for
G5  nothing stays open, and no execution runs on
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from tests.support.calls import AwsCall, KilledError
from tests.support.orders import an_order
from tests.support.saga_system import SagaSystem
from tests.support.system import silent

from sfn_cqrs.kernel.errors import SupersededError, TransientError
from sfn_cqrs.kernel.failure import Failure
from sfn_cqrs.machines.command.operations import ChainService
from sfn_cqrs.machines.command.process import Outcome
from sfn_cqrs.machines.command.service import CommandService
from sfn_cqrs.machines.saga import saga_programs
from sfn_cqrs.machines.saga import types as saga_types
from sfn_cqrs.machines.saga.items import SAGAS
from sfn_cqrs.machines.saga.rules import Saga, SagaStatus, plain
from sfn_cqrs.machines.saga.runner import SagaFlow
from sfn_cqrs.machines.saga.saga_programs import left_of
from sfn_cqrs.machines.saga.service import SagaService

ALWAYS = 1_000
AVAILABLE = {"BOOK": 5, "PEN": 3}
LINES = [{"sku": "BOOK", "quantity": 2}, {"sku": "PEN", "quantity": 1}]
STEPS = ("reserve_stock", "charge_payment", "ship_order")
UNDONE_BY = dict(zip(STEPS, ("release_stock", "refund_payment", "cancel_shipment"), strict=True))
ERRORS: dict[str, type[BaseException]] = {
    "killed": KilledError,
    "busy": TransientError,
    "bug": RuntimeError,
}


def function_of(state: str, machine: str = "order-saga") -> str:
    """The logical id of a state's function."""
    words = (*machine.split("-"), *state.split("_"))
    return f"{''.join(word.title() for word in words)}Function"


class BrokenError(AssertionError):
    """An invariant does not hold."""


@dataclass(frozen=True)
class Fault:
    """Some invocations of a function fail at their call of this number, or to this operation."""

    function: str
    number: int = 1
    moment: str = "before"
    error: str = "killed"
    times: int = 1
    operation: str | None = None

    def is_at(self, call: AwsCall, moment: str) -> bool:
        """Whether this is the call."""
        is_its = (self.function, self.moment) == (call.function, moment)
        if self.operation is not None:
            return is_its and self.operation == call.operation
        return is_its and self.number == call.number


@dataclass(frozen=True)
class Story:
    """What is ordered, and what goes wrong.

    `late` are functions whose first invocations are given up and run after the end; `aborted`
    those during whose first invocations somebody stops the execution. `overtaken` are calls of
    a step, before each of which the step is undone: the machine had given it up.
    """

    order: dict[str, Any] = field(default_factory=lambda: an_order(lines=LINES))
    is_shipped_before: bool = False
    faults: tuple[Fault, ...] = ()
    late: tuple[tuple[str, int], ...] = ()
    aborted: tuple[tuple[str, int], ...] = ()
    overtaken: tuple[tuple[str, int], ...] = ()
    is_doubled: bool = False
    seed: int | None = None
    zombies: float = 0.0
    machine: str = "order-saga"
    is_by_line: bool = False


@dataclass
class End:
    """How a story ended: the saga as it was before any retry, and after."""

    first: Saga
    last: Saga
    effects: dict[str, int]


def tell(story: Story) -> End:
    """Play a story to its end, and check what must hold.

    Raises:
        BrokenError: an invariant does not.
    """
    with ExitStack() as stack:
        stack.enter_context(silent())
        system = stack.enter_context(
            SagaSystem(story.seed, story.machine, is_by_line=story.is_by_line)
        )
        return _Teller(system, story).tell()


class _Teller:
    def __init__(self, system: SagaSystem, story: Story) -> None:
        self._system, self._story = system, story
        self._overtaken = set(story.overtaken)
        self._late, self._aborted = Counter(dict(story.late)), Counter(dict(story.aborted))

    def tell(self) -> End:
        system, story = self._system, self._story
        for sku, available in AVAILABLE.items():
            system.stock(sku, available)
        if story.is_shipped_before:
            CommandService("tenant1").publish_sync(
                "ORDER", "o-7", name="o-7", attributes={"customer": "ada", "status": "SHIPPED"}
            )
        system.is_late = self._is_late
        system.is_doubled = story.is_doubled
        if story.zombies and system.strands is not None:
            chance = system.strands.random
            system.gives_up = lambda: chance.random() < story.zombies
        with self._failing():
            id_ = system.start(story.order)
            system.settle_sagas()
        system.settle_sagas()
        first = self._checked(id_)
        system.is_late = lambda _: False
        system.run_late()
        if self._checked(id_).status is SagaStatus.PARKED:
            self._retry_versions()
            SagaService("tenant1").retry(id_)
            system.settle_sagas()
            if system.saga(id_).status is SagaStatus.PARKED:
                raise BrokenError(f"G4: it is parked again: {system.saga(id_)}")
        last = self._checked(id_)
        return End(first, last, self._effects(id_))

    def _retry_versions(self) -> None:
        chains = ChainService("tenant1")
        for process in self._system.processes():
            if process.outcome is Outcome.FAILED:
                chains.retry(process.key.type, process.key.code, process.version)
        self._system.settle_sagas()

    def _checked(self, id_: str) -> Saga:
        saga = self._system.saga(id_)
        if saga.status.is_open:
            raise BrokenError(f"G5: the saga stays open: {saga}")
        running = [
            each
            for each in self._system.engine.list_executions(self._system.saga_machine.arn)
            if each["status"] == "RUNNING"
        ]
        if running:
            raise BrokenError(f"G5: {len(running)} executions run on")
        self._check_ends(saga, self._effects(id_))
        self._check_rows(saga)
        return saga

    def _check_ends(self, saga: Saga, effects: dict[str, int]) -> None:
        """Hold the commands that the saga has published against its end and its log."""
        left = left_of(saga, saga.moves or saga_types.find("order-saga").moves)
        if saga.status is not SagaStatus.PARKED and left:
            raise BrokenError(f"G1: {saga.status}, and left is {left}")
        items = {"reserve_stock": len(saga.input["lines"])}  # type: ignore[arg-type]
        for step, undo in UNDONE_BY.items():
            made, undone = effects.get(step, 0), effects.get(undo, 0)
            if saga.status is SagaStatus.COMPLETED and (made, undone) != (items.get(step, 1), 0):
                raise BrokenError(f"G1: COMPLETED, and {step} is made {made}, undone {undone}")
            is_left = any(plain(name) == undo for name in left)
            is_undone = saga.status is SagaStatus.COMPENSATED or (saga.is_undoing and not is_left)
            if is_undone and made != undone:
                raise BrokenError(f"G1: {undo} is done; {step} is made {made}, undone {undone}")
            if undone > made:
                raise BrokenError(f"G2: {step} is made {made}, undone {undone}")

    def _check_rows(self, saga: Saga) -> None:
        """Hold the data rows against the commands."""
        published = Counter(self._published(saga.key.id))
        if [key for key, times in published.items() if times > 1]:
            raise BrokenError(f"G2: published twice: {published}")
        for line in saga.input["lines"]:  # type: ignore[union-attr]
            sku, quantity = line["sku"], line["quantity"]  # type: ignore[index, call-overload]
            taken = (sku, "reserve_stock") in published
            back = (sku, "release_stock") in published
            expected = AVAILABLE[sku] - quantity * taken + quantity * back
            row = self._system.attributes("STOCK", sku)
            if row != {"available": expected}:
                raise BrokenError(f"G2: {row} of {sku} left, expected {expected}")
        states = (
            ("PAYMENT", "charge_payment", "CHARGED", "refund_payment", "REFUNDED"),
            ("ORDER", "ship_order", "SHIPPED", "cancel_shipment", "CANCELLED"),
        )
        for type_, step, made, undo, undone in states:
            row = self._system.attributes(type_, "o-7")
            is_made, is_undone = ("o-7", step) in published, ("o-7", undo) in published
            before = "SHIPPED" if type_ == "ORDER" and self._story.is_shipped_before else None
            expected_status = undone if is_undone else made if is_made else before
            if (row or {}).get("status") != expected_status:
                raise BrokenError(f"G2: {type_} is {row}, expected {expected_status}")

    def _effects(self, id_: str) -> dict[str, int]:
        return dict(Counter(step for _, step in self._published(id_)))

    def _published(self, id_: str) -> Iterator[tuple[str, str]]:
        """The code and the step of each version that the saga has published."""
        for command in self._system.world.stored_commands():
            saga, _, step = command.request_id.partition("/")
            if saga == id_:
                yield command.key.code, plain(step)

    def _is_late(self, function: str) -> bool:
        self._late[function] -= 1
        return self._late[function] >= 0

    @contextmanager
    def _failing(self) -> Iterator[None]:
        left = Counter({fault: fault.times for fault in self._story.faults})

        def observe(call: AwsCall, moment: str) -> None:
            self._abort(call, moment)
            self._overtake(call, moment)
            for fault in self._story.faults:
                if fault.is_at(call, moment) and left[fault] > 0:
                    left[fault] -= 1
                    raise ERRORS[fault.error]("injected")

        with self._system.calls.observed_by(observe):
            yield

    def _overtake(self, call: AwsCall, moment: str) -> None:
        if (call.function, call.number) not in self._overtaken or moment == "after":
            return
        self._overtaken.discard((call.function, call.number))
        (saga,) = self._system.world.all_of(SAGAS)
        moves = saga_types.find("order-saga").moves
        (move,) = [move for move in moves if function_of(move.step) == call.function]
        undoing = saga_programs.undo(saga.attempt, move, 0, Failure("Sandbox.Timedout", "late"))
        with self._system.calls.of("overtaking"), suppress(SupersededError):
            SagaFlow(saga.key).run(undoing)

    def _abort(self, call: AwsCall, moment: str) -> None:
        if call.number > 1 or moment == "after" or self._aborted[call.function] <= 0:
            return
        self._aborted[call.function] -= 1
        engine = self._system.engine
        for each in engine.list_executions(self._system.saga_machine.arn):
            if each["status"] == "RUNNING":
                engine.stop_execution(each["executionArn"])
