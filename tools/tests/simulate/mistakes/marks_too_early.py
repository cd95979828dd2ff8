"""A guard that is written before the work: who dies in between never does it."""

from sfn_cqrs.read_models import read_model, sync_handler


def rows_of(command):
    guard = {"version": command.version}
    return guard, {"n": command.attributes.get("n"), "version": command.version}


@sync_handler("PARCEL")
def wrong(command):
    tenant, code = command.key.tenant, command.key.code
    guard, row = rows_of(command)
    if read_model("parcels_seen").put_if_newer(tenant, "all", code, guard):
        read_model("parcels").put_if_newer(tenant, "all", code, row)


@sync_handler("PARCEL")
def right(command):
    tenant, code = command.key.tenant, command.key.code
    guard, row = rows_of(command)
    read_model("parcels").put_if_newer(tenant, "all", code, row)
    read_model("parcels_seen").put_if_newer(tenant, "all", code, guard)
