"""Makes the parts of commands: their tables and their two machines."""

from sfn_cqrs.kernel.aws.executions import Executions
from sfn_cqrs.kernel.aws.parts import attributes, executions_of
from sfn_cqrs.kernel.clock import Retention
from sfn_cqrs.kernel.parts import Parts, part
from sfn_cqrs.kernel.tables.parts import requests
from sfn_cqrs.machines.command.data_table import DataTable
from sfn_cqrs.machines.command.erasure_table import ERASURES, ErasureTable
from sfn_cqrs.machines.command.history_table import HistoryTable
from sfn_cqrs.machines.command.process_table import ProcessTable
from sfn_cqrs.machines.command.table import CommandTable
from sfn_cqrs.machines.command.unique_table import UniqueTable


@part
def command_ttl(parts: Parts) -> Retention:
    """Return how long commands are kept that no later version needs."""
    return Retention.parse(parts.optional("COMMAND_TTL_DAYS"))


@part
def history_ttl(parts: Parts) -> Retention:
    """Return how long earlier rows are kept."""
    return Retention.parse(parts.optional("HISTORY_TTL_DAYS"))


@part
def processes(parts: Parts) -> ProcessTable:
    """Return the process items."""
    client, table = parts.client("dynamodb"), parts.variable("COMMANDS_TABLE")
    return ProcessTable(client, table, parts.now, command_ttl(parts))


@part
def commands(parts: Parts) -> CommandTable:
    """Return the commands."""
    return CommandTable(
        parts.client("dynamodb"),
        parts.variable("COMMANDS_TABLE"),
        data_table=parts.variable("DATA_TABLE"),
        history_table=parts.variable("HISTORY_TABLE"),
        requests=requests(parts),
        attributes=attributes(parts),
        now=parts.now,
        retention=command_ttl(parts),
    )


@part
def reservations(parts: Parts) -> UniqueTable:
    """Return the reservations of unique values."""
    return UniqueTable(parts.client("dynamodb"), parts.variable("COMMANDS_TABLE"), parts.now)


@part
def erasures(parts: Parts) -> ErasureTable:
    """Return the erasures of people: later versions are stored without their personal fields."""
    client, table = parts.client("dynamodb"), parts.variable("COMMANDS_TABLE")
    return ErasureTable(client, table, ERASURES, requests=requests(parts), now=parts.now)


@part
def data(parts: Parts) -> DataTable:
    """Return the current rows."""
    return DataTable(parts.client("dynamodb"), parts.variable("DATA_TABLE"), attributes(parts))


@part
def history(parts: Parts) -> HistoryTable:
    """Return the earlier rows."""
    client, table = parts.client("dynamodb"), parts.variable("HISTORY_TABLE")
    return HistoryTable(client, table, attributes(parts), parts.now, history_ttl(parts))


@part
def executions(parts: Parts) -> Executions:
    """Return the command machine."""
    return executions_of(parts, "command", parts.variable("COMMANDS_TABLE"))


@part
def express_executions(parts: Parts) -> Executions:
    """Return the command machine of the express lane."""
    return executions_of(parts, "command-express", parts.variable("COMMANDS_TABLE"))
