"""Messages about a version that has closed."""

from sfn_cqrs.kernel.notices import Message, Place, notice, told
from sfn_cqrs.machines.command.process import Process


def command_status(process: Process, table: str) -> Message:
    """The notice that a version has closed; the error's name, but not its text."""
    names = ("status", "source", "outcome", "version", "attempt", "lane", "error")
    content = told(process, *names, type="key.type", code="key.code")
    return notice("command-status", place_of(process), table, content)


def place_of(process: Process) -> Place:
    """Return the version's public id, and where its process item is."""
    key = process.key
    return Place(process.command_id, key.tenant, key.pk, key.version_sk(process.version))
