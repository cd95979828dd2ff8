"""A count that a repeated version adds to again."""

from sfn_cqrs.read_models import read_model, sums, sync_handler


@sync_handler("VISIT")
def wrong(command):
    view = read_model("visits")
    view.write_all([view.add(command.key.tenant, "all", "visits", "count", 1)])


@sync_handler("VISIT")
def right(command):
    sums("visits").add(command, ("all", "visits"))
