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


def saga_executions(saga: str) -> Executions:
    """Return the machine of one saga, which has the saga's name."""
    known = saga_machines()
    if saga not in known:
        known[saga] = executions_of(DEPLOYED, saga, DEPLOYED.variable("SAGAS_TABLE"))
    return known[saga]
