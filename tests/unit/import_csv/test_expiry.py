from datetime import UTC, datetime

from sfn_cqrs.kernel.keys import ImportKey
from sfn_cqrs.kernel.tables.dynamodb import unmarshal
from sfn_cqrs.machines.import_csv.results import Counts, Fate, Marker, Planned
from sfn_cqrs.machines.import_csv.table import ImportTable

JOB = ImportKey("tenant1", "01JDHZ0000000000000000000A")
NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)
IN_35_DAYS = 1_795_608_000 + 35 * 86_400


class Client:
    """A client that keeps what it is asked for."""

    def put_item(self, **asked):
        self.put = unmarshal(asked["Item"])

    def transact_write_items(self, **asked):
        put, update = asked["TransactItems"]
        self.marker = unmarshal(put["Put"]["Item"])
        self.counter = update["Update"]


def test_what_a_job_keeps_of_its_batches_expires_after_its_files():
    client = Client()
    table = ImportTable(client, "ImportTmpTable", lambda: NOON)
    table.plan(JOB, 2, {2: Planned(Fate.CREATED, 1)})
    table.count(JOB, Marker(2, 2, Counts(created=1)))

    assert client.put["ttl"] == client.marker["ttl"] == IN_35_DAYS
    assert client.counter["ExpressionAttributeValues"][":ttl"] == {"N": str(IN_35_DAYS)}
    assert "#ttl = :ttl" in client.counter["UpdateExpression"]
