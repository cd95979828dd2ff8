"""A total that is kept in the memory of the function."""

from sfn_cqrs.read_models import read_model, sums, sync_handler

totals = {}


@sync_handler("SALE")
def wrong(command):
    item = (command.key.tenant, command.key.code)
    totals[item] = max(totals.get(item, 0), command.version)
    row = {"sales": len([one for one in totals if one[0] == command.key.tenant])}
    view = read_model("sales")
    view.put_if_newer(command.key.tenant, "all", item[1], row | {"version": command.version})


@sync_handler("SALE")
def right(command):
    sums("sales").add(command, ("all", "sales"))
