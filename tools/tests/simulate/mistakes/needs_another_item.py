"""A handler that fails if another item is not there yet."""

from sfn_cqrs.read_models import read_model, sync_handler
from sfn_cqrs_tools.testing.simulation import Change

COMMANDS = [Change("SHELF", "s-1", {"n": 1}), Change("BOOK", "b-1", {"shelf": "s-1"})]


@sync_handler("SHELF")
def shelves(command):
    row = {"n": command.attributes["n"], "version": command.version}
    read_model("shelves").put_if_newer(command.key.tenant, "all", command.key.code, row)


@sync_handler("BOOK")
def wrong(command):
    shelf = read_model("shelves").get(command.key.tenant, "all", command.attributes["shelf"])
    row = {"shelf": shelf["version"] and command.attributes["shelf"], "version": command.version}
    read_model("books").put_if_newer(command.key.tenant, "all", command.key.code, row)


@sync_handler("BOOK")
def right(command):
    row = {"shelf": command.attributes["shelf"], "version": command.version}
    read_model("books").put_if_newer(command.key.tenant, "all", command.key.code, row)
