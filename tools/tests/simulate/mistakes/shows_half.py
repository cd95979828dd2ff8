"""Two rows that belong together, written one after the other."""

from sfn_cqrs.read_models import read_model, sync_handler


def ALWAYS(seen):  # noqa: N802 - what the test asks of this module
    """Debit and credit are there together."""
    sides = [len(seen.rows("ledger", side)) for side in ("debit", "credit")]
    assert sides[0] == sides[1], f"{sides[0]} debits and {sides[1]} credits"


@sync_handler("TRANSFER")
def wrong(command):
    view, row = read_model("ledger"), {"n": 1, "version": command.version}
    for side in ("debit", "credit"):
        view.put_if_newer(command.key.tenant, side, command.key.code, row)


@sync_handler("TRANSFER")
def right(command):
    view, tenant, code = read_model("ledger"), command.key.tenant, command.key.code
    row = {"n": 1, "version": command.version}
    before = view.get(tenant, "debit", code)
    if before is None or before["version"] < command.version:
        expected = before and before["version"]
        sides = ("debit", "credit")
        view.write_all([view.replace(tenant, side, code, row, expected) for side in sides])
