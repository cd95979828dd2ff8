"""A handler that relies on the version before, which an operator may have skipped."""

from sfn_cqrs.read_models import read_model, sync_handler
from sfn_cqrs_tools.testing.simulation import Change

COMMANDS = [Change("METER", "m-1", {"n": 1}), Change("METER", "m-1", {"n": 2})]


def row_of(command):
    return {"n": command.attributes.get("n"), "version": command.version}


@sync_handler("METER")
def wrong(command):
    view, tenant, code = read_model("meters"), command.key.tenant, command.key.code
    before = view.get(tenant, "all", code)
    seen = before["version"] if before else 0
    if seen < command.version - 1:
        raise LookupError(f"version {command.version - 1} is missing")
    view.put_if_newer(tenant, "all", code, row_of(command))


@sync_handler("METER")
def right(command):
    read_model("meters").put_if_newer(command.key.tenant, "all", command.key.code, row_of(command))
