"""A handler that waits for something that does not come by itself."""

from sfn_cqrs.errors import TransientError
from sfn_cqrs.read_models import read_model, sync_handler

started = []


def row_of(command):
    return {"n": command.attributes.get("n"), "version": command.version}


@sync_handler("LAMP")
def wrong(command):
    """Wait for a connection that only this environment has opened."""
    if command.version > 1 and not started:
        raise TransientError("there is no connection yet")
    started.append(command.version)
    read_model("lamps").put_if_newer(command.key.tenant, "all", command.key.code, row_of(command))


@sync_handler("LAMP")
def right(command):
    read_model("lamps").put_if_newer(command.key.tenant, "all", command.key.code, row_of(command))
