"""Makes the table of requests, and the records of other rooms."""

from typing import TypeVar

from sfn_cqrs.kernel.parts import Parts, part
from sfn_cqrs.kernel.records import Record
from sfn_cqrs.kernel.tables.records import Kind, Records
from sfn_cqrs.kernel.tables.request_table import RequestTable

R = TypeVar("R", bound=Record)


@part
def requests(parts: Parts) -> RequestTable:
    """Return the answers to idempotent requests."""
    return RequestTable(parts.client("dynamodb"), parts.variable("REQUESTS_TABLE"), parts.now)


def records_of(parts: Parts, kind: Kind[R], table: str) -> Records[R]:
    """Return the records of one kind, which are in this table."""
    client, now = parts.client("dynamodb"), parts.now
    return Records(client, table, kind, requests=requests(parts), now=now)
