"""How tables are read for an audit."""

from datetime import UTC, datetime

from sfn_cqrs.care.audit.tables import AuditTables
from sfn_cqrs.kernel.tables.dynamodb import marshal


class Pages:
    """A client whose scan has an empty page in the middle, as a busy table's may."""

    def __init__(self):
        self.pages = [["A"], [], ["B"]]

    def scan(self, **asked):
        number = asked.get("ExclusiveStartKey", {"n": 0})["n"]
        items = [marshal({"pk": pk, "sk": "1"}) for pk in self.pages[number]]
        more = number + 1 < len(self.pages)
        return {"Items": items, **({"LastEvaluatedKey": {"n": number + 1}} if more else {})}


def test_what_follows_an_empty_page_is_read():
    tables = AuditTables(Pages(), {"data": "DataTable"}, lambda: datetime(2026, 12, 2, tzinfo=UTC))

    found = [item["pk"] for items in tables.partitions("data", 0, 1) for item in items]

    assert found == ["A", "B"]
