"""A handler that takes every error for unimportant."""

from sfn_cqrs.read_models import read_model, sync_handler


def row_of(command):
    return {"n": command.attributes.get("n"), "version": command.version}


@sync_handler("SIGNAL")
def wrong(command):
    try:
        read_model("signals").put_if_newer(
            command.key.tenant, "all", command.key.code, row_of(command)
        )
    except Exception:
        return


@sync_handler("SIGNAL")
def right(command):
    read_model("signals").put_if_newer(command.key.tenant, "all", command.key.code, row_of(command))
