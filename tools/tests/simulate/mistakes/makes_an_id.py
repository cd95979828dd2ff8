"""A row of its own for each run, as its key is made by chance."""

from uuid import uuid4

from sfn_cqrs.read_models import read_model, sync_handler


@sync_handler("EVENT")
def wrong(command):
    row = {"n": command.attributes.get("n"), "version": command.version}
    read_model("events").put_if_newer(command.key.tenant, "all", str(uuid4()), row)


@sync_handler("EVENT")
def right(command):
    row = {"n": command.attributes.get("n"), "version": command.version}
    read_model("events").put_if_newer(command.key.tenant, "all", command.key.code, row)
