"""Rows as the tables of the TypeScript framework have them."""

from typing import Any

from sfn_cqrs.kernel.tables.dynamodb import marshal

ULID = "01JDHZ00000000000000000001"
CREATED = {"createdAt": "2026-03-01T18:00:00+09:00", "createdBy": "ann", "createdIp": "192.0.2.1"}


def command(version: int, /, *, sk: str = "p-1", pk: str = "AIRPORT#acme", **more: Any) -> Any:
    """One version of an item, published on the day of its number."""
    return {
        "pk": pk,
        "sk": f"{sk}@{version}",
        "id": f"{pk}#{sk}",
        "code": sk,
        "name": f"Product {version}",
        "version": version,
        "tenantCode": pk.rpartition("#")[2],
        "type": pk.partition("#")[0],
        "attributes": {"price": version * 1.5, "tags": ["a"]},
        "status": "finish:FINISHED",
        "source": "POST /api/product",
        "requestId": f"r-{version}",
        "createdAt": f"2026-03-0{version}T18:00:00+09:00",
        "createdBy": "ann" if version == 1 else "bob",
        "updatedAt": f"2026-03-0{version}T18:00:05+09:00",
        **more,
    }


def state(version: int, /, **more: Any) -> Any:
    """The data row of an item at a version, as data and history have it."""
    row = command(version, **more)
    del row["status"]
    made = {name: more.get(name, value) for name, value in CREATED.items()}
    return {**row, **made, "sk": row["sk"].rpartition("@")[0], "cpk": row["pk"]}


def history(version: int, /, **more: Any) -> Any:
    """An earlier state of an item."""
    row = state(version, **more)
    return {**row, "sk": f"{row['sk']}@{version}"}


def task(
    status: str = "COMPLETED", *, pk: str = "SFN_TASK#acme", index: int = -1, **more: Any
) -> Any:
    """A task, or one of its items."""
    sk = f"RESIZE#{ULID}" + (f"#{index}" if index >= 0 else "")
    return {
        "pk": pk,
        "sk": sk,
        "code": ULID,
        "name": "Resize",
        "type": "RESIZE",
        "tenantCode": "acme",
        "status": status,
        "input": {"file": index},
        "attributes": {},
        **CREATED,
        "updatedAt": "2026-03-01T18:05:00+09:00",
        **more,
    }


def exported(row: Any) -> Any:
    """A row as a line of an export to S3 has it."""
    return {"Item": marshal(row)}
