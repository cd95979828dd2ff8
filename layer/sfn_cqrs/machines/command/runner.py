"""Runs the chain's programs, and lets commands expire that no later version needs."""

from dataclasses import replace
from typing import TYPE_CHECKING

from sfn_cqrs import bootstrap
from sfn_cqrs.kernel.command import Command
from sfn_cqrs.kernel.errors import VersionGapError
from sfn_cqrs.kernel.functions.runner import Runner
from sfn_cqrs.kernel.keys import CommandRef, ItemKey
from sfn_cqrs.machines.command import chain

if TYPE_CHECKING:
    from sfn_cqrs.kernel.aws.executions import Executions


def machine_of(*, is_express: bool) -> "Executions":
    """Return the command machine that runs an attempt."""
    return bootstrap.express_executions() if is_express else bootstrap.executions()


def write_row(key: ItemKey, version: int) -> None:
    """Bring the data row to a version; nothing happens if it is there or beyond.

    Raises:
        TransientError: the row moved meanwhile; try again.
        VersionGapError: the command is not stored.
    """
    command = bootstrap.commands().stored(key, version)
    if command is None:
        raise VersionGapError(f"version {version} is not stored")
    Chain(key, command).run(chain.apply(version))


def _seen(call: chain.Describe | chain.IsOurs, ref: CommandRef) -> object:
    if isinstance(call, chain.IsOurs):
        return bootstrap.executions().arn_of(ref) == call.run
    return bootstrap.executions().describe(ref)


def _wait_ended(call: chain.Succeed | chain.Reject) -> object:
    if isinstance(call, chain.Reject):
        return bootstrap.executions().reject(call.token, call.error, call.cause)
    output = {"result": "resumed_by_prev_version", "prevVersion": call.predecessor}
    return bootstrap.executions().succeed(call.token, {"Payload": output})


class Chain(Runner[chain.Call]):
    """A program runner for the chain of one item."""

    def __init__(self, key: ItemKey, command: Command | None = None) -> None:
        """Take an item; a program that writes its data also needs the command."""
        self._key = key
        self._command = command

    def _make(self, call: chain.Call) -> object:
        match call:
            case chain.FindProcess(version):
                return bootstrap.processes().find(self._key, version)
            case chain.FindData():
                return bootstrap.data().version_of(self._key)
            case chain.WriteData(version, expected):
                return self._write_data(version, expected)
            case chain.Succeed() | chain.Reject():
                return _wait_ended(call)
            case chain.Start(version, attempt, is_express, trace):
                ref = CommandRef(self._key, version, attempt)
                return machine_of(is_express=is_express).start(ref, trace)
            case chain.Describe(version, attempt) | chain.IsOurs(version, attempt):
                return _seen(call, CommandRef(self._key, version, attempt))
            case chain.ProcessWrite():
                return bootstrap.processes().write(self._key, call)

    def _write_data(self, version: int, expected: int) -> bool:
        if self._command is None or self._command.version != version:
            raise ValueError("the chain was not given the command that it has to apply")
        row = self._command.as_row()
        return bootstrap.data().put(replace(row, key=self._key), expected)


def expire_previous(key: ItemKey, version: int) -> bool:
    """Set the ttl of the command before a version, if it is settled and its type has one.

    The latest command never expires, and neither does one that is open.
    """
    previous = version - 1
    if previous == 0 or not bootstrap.commands().expires(key.type):
        return False
    process = bootstrap.processes().find(key, previous)
    is_settled = process is None or process.outcome.is_settled
    return is_settled and bootstrap.commands().expire(key, previous)
