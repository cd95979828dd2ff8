"""The plans of repairs by tenant, in the requests table; their lists are in the bucket."""

from sfn_cqrs.care.repairs.rules import PlanNote
from sfn_cqrs.kernel.tables.dynamodb import Item, Table, marshal
from sfn_cqrs.kernel.tables.paging import Page, Range, query_page

LIFETIME_SECONDS = 30 * 86_400
"""As long as the list in the bucket."""
_PREFIX = "PLAN#"


class PlanTable(Table):
    """One item for each plan, so that a tenant's plans can be listed."""

    def put(self, tenant: str, note: PlanNote) -> None:
        """Store that a plan was made."""
        item: Item = {
            "pk": _partition(tenant),
            "sk": f"{_PREFIX}{note.ulid}",
            "kind": "plan",
            "filter": note.wanted,
            "total": note.total,
            "by": note.by,
            "at": note.at,
            "is_complete": note.is_complete,
            "ttl": int(self._now().timestamp()) + LIFETIME_SECONDS,
        }
        self._client.put_item(TableName=self._table, Item=marshal(item))

    def page(self, tenant: str, limit: int, cursor: str | None) -> Page[PlanNote]:
        """Return a tenant's plans, the newest first."""
        wanted = Range([_partition(tenant)], _PREFIX, limit, cursor, is_descending=True)
        found = query_page(self._client, self._table, wanted)
        return Page([_as_note(item) for item in found.items], found.next_cursor)


def _as_note(item: Item) -> PlanNote:
    return PlanNote(
        ulid=str(item["sk"]).removeprefix(_PREFIX),
        wanted=item["filter"],
        total=int(item["total"]),
        by=item["by"],
        at=item["at"],
        is_complete=item["is_complete"],
    )


def _partition(tenant: str) -> str:
    return f"REPAIRS#{tenant}"
