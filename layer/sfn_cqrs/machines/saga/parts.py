"""Makes the parts of sagas: their table and their machines."""

from sfn_cqrs.kernel.aws.executions import Executions
from sfn_cqrs.kernel.aws.parts import executions_of
from sfn_cqrs.kernel.parts import DEPLOYED, Parts, part
from sfn_cqrs.kernel.tables.parts import records_of
from sfn_cqrs.kernel.tables.records import Records
from sfn_cqrs.machines.saga.items import SAGAS
from sfn_cqrs.machines.saga.rules import Saga


@part
def sagas(parts: Parts) -> Records[Saga]:
    """Return the sagas and their logs."""
    return records_of(parts, SAGAS, parts.variable("SAGAS_TABLE"))


@part
def saga_machines(_: Parts) -> dict[str, Executions]:
    """Return the machines of the sagas that were asked for."""
    return {}


def saga_executions(machine: str) -> Executions:
    """Return a machine of sagas: one of its own has the saga's name, see `SagaRef.machine`."""
    known = saga_machines()
    if machine not in known:
        known[machine] = executions_of(DEPLOYED, machine, DEPLOYED.variable("SAGAS_TABLE"))
    return known[machine]
