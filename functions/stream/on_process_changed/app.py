"""The one consumer of the commands table's stream: it starts, wakes and notifies.

The event source lets through process items that are to be started, and those that have closed.
"""

from sfn_cqrs import bootstrap
from sfn_cqrs.kernel.functions.stream import Outbox, stream_of
from sfn_cqrs.kernel.notices import failure_alarm
from sfn_cqrs.machines.command import chain
from sfn_cqrs.machines.command.items import as_process
from sfn_cqrs.machines.command.process import (
    START,
    Mode,
    Outcome,
    Process,
    command_status,
    place_of,
)
from sfn_cqrs.machines.command.runner import Chain, machine_of


@stream_of("process item", as_process)
def lambda_handler(process: Process, outbox: Outbox) -> None:
    """Start a version's execution; of one that has closed, wake the next and tell the world."""
    if process.status == START:
        machine_of(is_express=process.is_express).start(process.ref, process.trace)
        return
    table = bootstrap.commands_table_name()
    its_chain = Chain(process.key)
    if process.outcome is Outcome.BLOCKED:
        its_chain.run(chain.wake(process.version))
    its_chain.run(chain.wake_next(process.version))
    outbox.notices.append(command_status(process, table))
    if process.outcome is Outcome.FAILED:
        outbox.alarms.append(failure_alarm(process, place_of(process), table, _execution(process)))


def _execution(process: Process) -> str | None:
    """Return the execution's ARN; in the express lane that of the run which has claimed it.

    The first attempt of a synchronous publish runs in its publisher, and in no execution.
    """
    if process.is_express:
        return process.run
    if process.mode is Mode.SYNC and process.attempt == 1:
        return None
    return bootstrap.executions().arn_of(process.ref)
