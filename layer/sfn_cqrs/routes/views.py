"""What the HTTP API shows of commands and rows; names are camelCase."""

from typing import Any

from sfn_cqrs.domain.command import Audit, Command, DataRow
from sfn_cqrs.domain.trace import Trace
from sfn_cqrs.service.commands.operations import Link


def row_view(row: DataRow) -> dict[str, Any]:
    """An item as it is, or as it was."""
    return {
        "type": row.key.type,
        "code": row.key.code,
        "version": row.version,
        "name": row.name,
        "attributes": row.attributes,
        "isDeleted": row.is_deleted,
        "commandId": row.command_id,
        "source": row.source,
        **_audit_view(row),
    }


def link_view(link: Link) -> dict[str, Any]:
    """A version in its chain; what has no process item was applied by an import, or long ago."""
    command, process = link.command, link.process
    view: dict[str, Any] = {
        "version": command.version,
        "commandId": command.id,
        "name": command.name,
        "isDeleted": command.is_deleted,
        "status": process.status if process else "finish:FINISHED",
        "outcome": str(process.outcome) if process else "APPLIED",
        "attempt": process.attempt if process else 1,
        "mode": str(process.mode) if process else "SYNC",
        "lane": str(process.lane) if process else "STANDARD",
        **_audit_view(command),
    }
    if process is not None:
        view |= {"openedAt": process.opened_at, "statusAt": process.updated_at}
    trace = Trace.parse(process.trace) if process else None
    if trace is not None:
        view["traceId"] = trace.root
    if process is not None and process.error is not None:
        view |= {"error": process.error, "cause": process.cause}
    if link.waits_for is not None:
        view["waitsFor"] = link.waits_for
    return view


def version_view(link: Link) -> dict[str, Any]:
    """One version with all that it says."""
    command = link.command
    return {
        "type": command.key.type,
        "code": command.key.code,
        **link_view(link),
        "attributes": command.attributes,
        "source": command.source,
    }


def _audit_view(record: Command | DataRow) -> dict[str, Any]:
    return _who("created", record.created) | _who("updated", record.updated)


def _who(what: str, audit: Audit) -> dict[str, Any]:
    return {f"{what}At": audit.at, f"{what}By": audit.by}
