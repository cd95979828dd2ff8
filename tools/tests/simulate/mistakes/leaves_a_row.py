"""A row that stays in its old partition when the item belongs to another one."""

from sfn_cqrs.read_models import read_model, sync_handler


def row_of(command):
    return {"is_deleted": command.is_deleted, "version": command.version}


def shelf(command):
    return str(command.attributes.get("n"))


@sync_handler("PLANT")
def wrong(command):
    tenant, code = command.key.tenant, command.key.code
    read_model("wrong").put_if_newer(tenant, shelf(command), code, row_of(command))


@sync_handler("PLANT")
def right(command):
    tenant, code = command.key.tenant, command.key.code
    to = None if command.is_deleted else (shelf(command), code)
    read_model("right").move(tenant, code, row_of(command), to)
