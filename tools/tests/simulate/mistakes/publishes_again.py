"""A command that is published again whenever its handler runs again."""

from sfn_cqrs.commands import Caller, CommandService
from sfn_cqrs.read_models import sync_handler
from sfn_cqrs_tools.testing.simulation import Change

COMMANDS = [Change("GIFT", "g-1", {"points": 1})]


@sync_handler("POINTS")
def points(command):
    """Nothing: only the versions count."""


def collect(command, **caller):
    service = CommandService(command.key.tenant)
    before = service.latest("POINTS", "ada")
    points = (before.attributes["points"] if before else 0) + command.attributes["points"]
    service.publish(
        "POINTS", "ada", name="ada", attributes={"points": points}, version=-1, **caller
    )


@sync_handler("GIFT")
def wrong(command):
    collect(command)


@sync_handler("GIFT")
def right(command):
    """Fold the points from gifts that are published once; a gift that comes again is known."""
    name = command.key.code
    CommandService(command.key.tenant).publish(
        "POINTS",
        name,
        name=name,
        attributes={"points": command.attributes["points"]},
        version=-1,
        caller=Caller(idempotency_key=command.id),
    )
