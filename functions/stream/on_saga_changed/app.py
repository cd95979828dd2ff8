"""The one consumer of the sagas table's stream: it starts attempts, and notifies.

The event source lets through sagas that are to be started, and those that have ended or are
parked.
"""

from sfn_cqrs import bootstrap
from sfn_cqrs.kernel.functions.stream import Outbox, stream_of
from sfn_cqrs.kernel.notices import failure_alarm
from sfn_cqrs.machines.saga.items import SAGAS
from sfn_cqrs.machines.saga.notices import saga_status
from sfn_cqrs.machines.saga.rules import Saga, SagaStatus


@stream_of("saga", SAGAS.record)
def lambda_handler(saga: Saga, outbox: Outbox) -> None:
    """Start a saga's attempt, or tell the world how one has ended."""
    if saga.status is SagaStatus.CREATED:
        bootstrap.saga_executions(saga.ref.machine).start(saga.ref, saga.trace)
        return
    table = bootstrap.sagas_table_name()
    outbox.notices.append(saga_status(saga, table))
    if saga.status is SagaStatus.PARKED:
        execution = bootstrap.saga_executions(saga.ref.machine).arn_of(saga.ref)
        outbox.alarms.append(failure_alarm(saga, saga.key, table, execution))
