"""A system in memory that runs sagas: their machine and their stream beside the commands'."""

from collections.abc import Callable
from functools import partial
from typing import Any, Self

from tests.support.declared_orders import declared_orders
from tests.support.fake_system import FakeSystem, executions_of
from tests.support.stream import Stream

from sfn_cqrs import bootstrap
from sfn_cqrs.kernel.keys import ItemKey, SagaKey, SagaRef
from sfn_cqrs.machines.command.service import CommandService
from sfn_cqrs.machines.saga.items import SAGAS
from sfn_cqrs.machines.saga.rules import Saga
from sfn_cqrs.machines.saga.service import SagaService
from sfn_local import Done, FunctionError

STREAM = "StreamOnSagaChangedFunction"
TENANT = "tenant1"
TIMED_OUT = FunctionError("Sandbox.Timedout", '{"errorMessage": "Task timed out"}')
IsLate = Callable[[str], bool]


class SagaSystem(FakeSystem):
    """Orders' sagas over the fakes.

    `is_late` chooses invocations that the machine gives up before they begin; they run when
    `run_late` is called, be it after the saga has ended. With `is_doubled` each state's
    function is called twice, and so is the stream's consumer.
    """

    sweeps = (*FakeSystem.sweeps, "ScheduleSweepSagasFunction")

    def __init__(
        self, seed: int | None = None, machine: str = "order-saga", *, is_by_line: bool = False
    ) -> None:
        super().__init__(seed)
        self.is_by_line = is_by_line
        self.saga_machine = self.template.machines[machine]
        self.engine.create_state_machine(self.saga_machine.name, self.saga_machine.definition)
        self.saga_stream = Stream.of(self.template, STREAM)
        self.streams["SagasTable"] = self.saga_stream
        self.is_late: IsLate = lambda _: False
        self.is_doubled = False
        self.late: list[tuple[str, bytes]] = []

    def parts(self) -> dict[str, Any]:
        name = self.saga_machine.key
        watched = self.watch(executions_of(self, name, "SAGAS_TABLE"))
        return {
            **super().parts(),
            "saga_machines": {name: watched},
        }

    def __enter__(self) -> Self:
        entered = super().__enter__()
        if self.saga_machine.key == SagaRef.DECLARED:
            self._cleanup.enter_context(declared_orders(is_by_line=self.is_by_line))
        return entered

    def submit(self, function: str, payload: bytes, done: Done) -> None:
        name = self.lambdas.find(function).logical_id
        if self.is_late(name):
            self.late.append((function, payload))
            done(TIMED_OUT)
            return
        if self.is_doubled:
            self._answer(function, payload)
        super().submit(function, payload, done)

    def run_late(self) -> None:
        """Let the functions that were given up do their work."""
        late, self.late = self.late, []
        for function, payload in late:
            self._answer(function, payload)
        self.run()

    def step(self) -> bool:
        self.poll()
        if self.saga_stream.pending:
            batch, self.saga_stream.pending = self.saga_stream.pending, []
            batch = batch * 2 if self.is_doubled else batch
            self._run(partial(self._deliver_sagas, batch))
            return True
        return super().step()

    # What a test does and sees.

    def stock(self, sku: str, available: int) -> None:
        """Put goods on the shelf."""
        CommandService(TENANT).publish_sync(
            "STOCK", sku, name=sku, attributes={"available": available}
        )

    def start(self, order: dict[str, Any]) -> str:
        """Start an order's saga."""
        return SagaService(TENANT).start("order-saga", order)

    def saga(self, id_: str) -> Saga:
        """The saga as it is."""
        found = bootstrap.sagas().find(SagaKey.of(TENANT, id_))
        assert found is not None
        return found

    def settle_sagas(self) -> None:
        """Run, and sweep while a saga or a version is open."""

        def is_done() -> bool:
            sagas_open = any(saga.status.is_open for saga in self.world.all_of(SAGAS))
            return not (sagas_open or self.processes_open)

        self.until(is_done, sweeps=12)

    def attributes(self, type_: str, code: str) -> dict[str, Any] | None:
        """The data row's attributes; None if there is no row."""
        row = self.world.data.find(ItemKey(TENANT, type_, code))
        return None if row is None else row.attributes

    def _deliver_sagas(self, batch: list[dict[str, Any]]) -> None:
        invoke = partial(self.lambdas.invoke, STREAM)
        self.saga_stream.deliver(batch, invoke, self.clock, self._sleep)
