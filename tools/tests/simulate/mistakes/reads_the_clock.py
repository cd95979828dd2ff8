"""A row with the time at which its handler ran."""

from datetime import UTC, datetime

from sfn_cqrs.read_models import read_model, sync_handler


@sync_handler("TICKET")
def wrong(command):
    row = {"since": datetime.now(UTC).isoformat(), "version": command.version}
    read_model("tickets").put_if_newer(command.key.tenant, "all", command.key.code, row)


@sync_handler("TICKET")
def right(command):
    row = {"since": command.updated.at, "version": command.version}
    read_model("tickets").put_if_newer(command.key.tenant, "all", command.key.code, row)
