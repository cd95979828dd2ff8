"""A row that a late older version overwrites."""

from sfn_cqrs.read_models import read_model, sync_handler


def row_of(command):
    return {"n": command.attributes.get("n"), "version": command.version}


@sync_handler("PRICE")
def wrong(command):
    view, tenant, code = read_model("prices"), command.key.tenant, command.key.code
    before = view.get(tenant, "all", code)
    expected = before["version"] if before else None
    view.write_all([view.replace(tenant, "all", code, row_of(command), expected)])


@sync_handler("PRICE")
def right(command):
    read_model("prices").put_if_newer(command.key.tenant, "all", command.key.code, row_of(command))
