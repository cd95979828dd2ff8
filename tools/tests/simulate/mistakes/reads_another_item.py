"""A row that copies another item, at whatever version that happens to be."""

from sfn_cqrs.commands import DataService
from sfn_cqrs.errors import NotFoundError
from sfn_cqrs.read_models import read_model, sync_handler
from sfn_cqrs_tools.testing.simulation import Change

COMMANDS = [
    Change("OWNER", "ada", {"city": "Bonn"}),
    Change("PET", "rex", {"owner": "ada"}),
    Change("OWNER", "ada", {"city": "Köln"}),
]


@sync_handler("OWNER")
def owners(command):
    row = {"city": command.attributes["city"], "version": command.version}
    read_model("owners").put_if_newer(command.key.tenant, "all", command.key.code, row)


@sync_handler("PET")
def wrong(command):
    owner = command.attributes["owner"]
    try:
        city = DataService(command.key.tenant).get("OWNER", owner).attributes["city"]
    except NotFoundError:
        city = "unknown"
    row = {"owner": owner, "city": city, "version": command.version}
    read_model("pets").put_if_newer(command.key.tenant, "all", command.key.code, row)


@sync_handler("PET")
def right(command):
    """Keep the owner's code; whoever reads looks for the city."""
    row = {"owner": command.attributes["owner"], "version": command.version}
    read_model("pets").put_if_newer(command.key.tenant, "all", command.key.code, row)
