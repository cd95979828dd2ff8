"""A tenant's items as lines of JSON: read from one stack, and written into another.

An item's lines have everything that is stored of it: its versions, their processes, its earlier
states and its row, with large attributes. Written elsewhere they are the same item, so that an
audit there finds nothing. A version that was open is started there.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any, Final

from sfn_cqrs import bootstrap
from sfn_cqrs.care.erasure.service import ErasureService, do_again
from sfn_cqrs.care.tenants import lines as tenant_items
from sfn_cqrs.care.tenants import work as tenant_work
from sfn_cqrs.kernel.aws.attributes_bucket import COMMANDS, ERASURES, TASKS, Whose
from sfn_cqrs.kernel.erasure import certificate
from sfn_cqrs.kernel.errors import InvalidInputError
from sfn_cqrs.kernel.keys import ItemKey, checked_tenant, tenant_of
from sfn_cqrs.kernel.tables.dynamodb import Item
from sfn_cqrs.kernel.tables.paging import MAX_LIMIT, every
from sfn_cqrs.kernel.values import Json
from sfn_cqrs.machines.command.items import as_process
from sfn_cqrs.machines.command.process import next_attempt
from sfn_cqrs.machines.command.process_table import new_process_item, open_shard

EVERY_TABLE: Final = (
    *("commands", "data", "history", "imports", "tasks", "sagas", "approvals"),
    *("read_models", "requests"),
)
LEFT_OUT: Final = "leftOut"
"""The name of the count of lines of work whose tenant has another name here."""


def tenants(*, rate: float = 0.0) -> dict[str, Counter[str]]:
    """Return the tenants that have items, each with the number of its items by type."""
    tables, found = bootstrap.audit_tables(), defaultdict[str, Counter[str]](Counter)
    tables.rate = rate
    for rows in tables.partitions("data", 0, 1, "TENANT#"):
        found[rows[0]["tenant"]].update(row["type"] for row in rows)
    return dict(sorted(found.items()))


def exported(tenant: str, *, rate: float = 0.0) -> Iterator[dict[str, Json]]:
    """Yield the lines of a tenant's erasures, then of all items, then of work that has ended.

    Raises:
        BusyError: an item changes each time that it is read.
    """
    erasures = ErasureService(tenant).list
    for erasure in every(lambda cursor: erasures(limit=MAX_LIMIT, cursor=cursor)):
        if erasure.status.holds:
            yield {"kind": "erasure", "item": certificate(erasure)}
    yield from tenant_items.exported(tenant, rate)
    yield from tenant_work.exported(tenant, rate)


def import_lines(tenant: str, lines: Iterable[dict[str, Any]]) -> Counter[str]:
    """Write lines for a tenant, and return how many of each kind were new.

    What is stored already stays as it is, so an import that was stopped can be run again. Work of a
    tenant that has another name here is left out.

    Raises:
        InvalidInputError: a line is not one of an export.
    """
    tables, new = bootstrap.erased_tables(), Counter[str]()
    tenant = checked_tenant(tenant)
    for number, line in enumerate(lines, 1):
        try:
            kind = line["kind"]
            if kind == "erasure":
                _erase_as_there(tenant, line["item"])
                continue
            if kind in tenant_work.KINDS:
                is_named_so = tenant_of(line["item"]["pk"]) == tenant
                new[kind if is_named_so else LEFT_OUT] += (
                    tenant_work.create(tenant, line) if is_named_so else 1
                )
                continue
            table, item = tenant_items.TABLES[kind], _item_of(tenant, line)
        except (KeyError, TypeError, ValueError) as error:
            raise InvalidInputError(f"line {number}", f"is not of an export: {error}") from error
        new[kind] += tables.create(table, item)
    return new


def remove(tenant: str, *, writes: bool, rate: float = 0.0) -> Counter[str]:
    """Delete everything that is stored of a tenant; return how much it is, by place.

    Without `writes` it is only counted. Functions that run meanwhile may write more, so it is to be
    run again once the tenant has no traffic.
    """
    tables, found = bootstrap.erased_tables(), Counter[str]()
    tables.rate = rate
    tenant = checked_tenant(tenant)
    for table in EVERY_TABLE:
        for items in tables.partitions(table, 0, 1):
            for item in items:
                if tenant_of(item["pk"]) == tenant:
                    found[table] += 1
                    if writes:
                        tables.delete(table, item)
    return found + _remove_objects(tenant, writes=writes) + _removed_rows(tenant, writes=writes)


def _remove_objects(tenant: str, *, writes: bool) -> Counter[str]:
    attributes, files = bootstrap.attributes(), bootstrap.import_bucket()
    found = Counter[str]()
    for folder in (COMMANDS, TASKS, ERASURES):
        found["objects"] += sum(1 for _ in attributes.names(f"{folder}/{tenant}/"))
        if writes:
            attributes.purge(f"{tenant}/", folder=folder)
    for prefix in (f"jobs/{tenant}/", f"uploads/{tenant}/"):
        versions = list(files.versions(prefix))
        found["files"] += len(versions)
        if writes:
            files.delete(versions)
    return found


def _removed_rows(tenant: str, *, writes: bool) -> Counter[str]:
    """Delete a tenant's rows in PostgreSQL, where the stack has it."""
    if not bootstrap.has_sql():
        return Counter()
    from sfn_cqrs.care.tenants.sql import SqlTenant  # noqa: PLC0415 - most stacks have none

    rows = SqlTenant(bootstrap.sql(), tenant)
    found = rows.delete() if writes else rows.counts()
    return Counter({f"postgres {table}": count for table, count in found.items()})


def _erase_as_there(tenant: str, kept: dict[str, Any]) -> None:
    """Keep a person erased; the hash that names the person has the tenant in it.

    Raises:
        InvalidInputError: the tenant has another name here.
    """
    if kept["tenant"] != tenant:
        raise InvalidInputError(
            "tenant", f"has erased people, so it keeps its name, which is {kept['tenant']}"
        )
    do_again(kept)


def _item_of(tenant: str, line: dict[str, Any]) -> Item:
    tenant_items.check(line)
    item: Item = {**line["item"], "tenant": tenant}
    key, version = ItemKey.checked(tenant, item["type"], item["code"]), item["version"]
    tenant_items.check_line(key, line)
    if line["kind"] == "process":
        return _process_of(key, item)
    is_row = line["kind"] == "row"
    item["pk"] = key.data_pk if is_row else key.pk
    item["sk"] = key.sk if is_row else key.version_sk(version)
    if line.get("large"):
        command = item["id"] if line["kind"] == "command" else item["command_id"]
        attributes = item.pop("attributes")
        bucket = bootstrap.attributes()
        item["attributes_s3"] = bucket.store(
            tenant, command, attributes, folder=COMMANDS, whose=Whose(key, version)
        )
    return item


def _process_of(key: ItemKey, item: Item) -> Item:
    """Return a process as it is here: one that is open is started, by its next attempt."""
    process = as_process(item)
    if process.outcome.is_open:
        return new_process_item(replace(process, **next_attempt(process.attempt)))
    where = {"pk": key.pk, "sk": key.process_sk(process.version)}
    listed = None if process.outcome.is_settled else open_shard(process)
    return {**item, **where, "open_shard": listed}
