"""Rows of all tenants that go to one."""

from sfn_cqrs.read_models import read_model, sync_handler


def row_of(command):
    return {"n": command.attributes.get("n"), "version": command.version}


@sync_handler("BADGE")
def wrong(command):
    read_model("badges").put_if_newer("tenant1", "all", command.key.code, row_of(command))


@sync_handler("BADGE")
def right(command):
    tenant = command.key.tenant
    read_model("badges").put_if_newer(tenant, "all", command.key.code, row_of(command))
