"""What adapters make of the answers that moto never gives: conflicts, and keys left unprocessed."""

from typing import Any

import pytest
from botocore.exceptions import ClientError
from tests.contract.worlds import MotoWorld

from sfn_cqrs.kernel.aws.transient import is_busy
from sfn_cqrs.kernel.errors import BusyError
from sfn_cqrs.kernel.keys import ImportKey
from sfn_cqrs.kernel.read_models.rules import ViewKey
from sfn_cqrs.kernel.tables import dynamodb, transactions
from sfn_cqrs.kernel.tables.conditional import is_done, try_update
from sfn_cqrs.machines.import_csv.results import Counts, Marker
from sfn_cqrs.machines.rebuild import generation_rows
from sfn_cqrs.machines.rebuild.generation_rows import GenerationRows
from sfn_cqrs_tools.testing.builders import ARCHIVE, RESIZE, a_file, a_task

JOB = ImportKey("tenant1", "01JDHZ0000000000000000000A")
CONFLICT = ClientError(
    {
        "Error": {"Code": "TransactionCanceledException"},
        "CancellationReasons": [{"Code": "None"}, {"Code": "TransactionConflict"}],
    },
    "TransactWriteItems",
)


class Busy:
    """A client whose calls meet trouble a number of times, and then do nothing well."""

    def __init__(self, troubles: int) -> None:
        self.troubles = troubles
        self.calls = 0
        self.asked: list[int] = []

    def transact_write_items(self, **_: Any) -> dict[str, Any]:
        self.calls += 1
        if self.calls <= self.troubles:
            raise CONFLICT
        return {}

    def batch_get_item(self, RequestItems: dict[str, Any]) -> dict[str, Any]:  # noqa: N803
        self.calls += 1
        ((table, asked),) = RequestItems.items()
        first, *others = asked["Keys"]
        left = others if self.calls > self.troubles else asked["Keys"]
        found = [first] if self.calls > self.troubles else []
        unprocessed = {table: {**asked, "Keys": left}} if left else {}
        return {"Responses": {table: found}, "UnprocessedKeys": unprocessed}

    def batch_write_item(self, RequestItems: dict[str, Any]) -> dict[str, Any]:  # noqa: N803
        self.calls += 1
        ((table, asked),) = RequestItems.items()
        self.asked.append(len(asked))
        left = asked[1:] if self.calls <= self.troubles else []
        return {"UnprocessedItems": {table: left} if left else {}}


class _Clients:
    def __init__(self, client: Busy) -> None:
        self.dynamodb, self.s3 = client, None


@pytest.fixture(autouse=True)
def _at_once(monkeypatch):
    for module in (dynamodb, generation_rows, transactions):
        monkeypatch.setattr(module.time, "sleep", lambda _seconds: None)


@pytest.mark.parametrize(
    "write",
    [
        lambda world: world.tasks.put_items(a_task(RESIZE, input=[{"n": 1}, {"n": 2}])),
        lambda world: world.zip_jobs.put_files(ARCHIVE, [a_file(0)]),
        lambda world: world.zip_jobs.end_files(ARCHIVE, 1, [a_file(0)]),
    ],
    ids=["items of a task", "files of an archive", "ends of files"],
)
def test_a_group_in_conflict_is_never_taken_for_one_that_is_there(write):
    with pytest.raises(ClientError) as raised:
        write(MotoWorld(_Clients(Busy(1))))

    assert is_busy(raised.value)


@pytest.mark.parametrize(
    "write",
    [
        lambda imports: imports.count(JOB, Marker(1, 9, Counts(created=9))),
        lambda imports: imports.seal(JOB),
    ],
    ids=["count", "seal"],
)
def test_counters_in_conflict_are_written_again(write):
    client = Busy(2)
    write(MotoWorld(_Clients(client)).imports)

    assert client.calls == 3


def test_counters_that_stay_in_conflict_are_busy():
    with pytest.raises(BusyError):
        MotoWorld(_Clients(Busy(99))).imports.seal(JOB)


KEYS = [("p", "a"), ("p", "b"), ("p", "c")]


def test_keys_that_are_left_unprocessed_are_asked_for_again():
    found = dynamodb.batch_get(Busy(2), "table", KEYS)

    assert sorted(found) == KEYS


def test_keys_that_stay_unprocessed_are_not_taken_for_absent():
    with pytest.raises(BusyError, match="3 items were not read"):
        dynamodb.batch_get(Busy(99), "table", KEYS)


VIEW = ViewKey("tenant1", "orders")
PLACES = [f'["ada", "{number}"]' for number in range(10)]


def test_rows_that_are_left_unprocessed_are_deleted_by_another_call():
    client = Busy(3)
    GenerationRows(client, "table", VIEW).delete(1, PLACES)

    assert client.asked == [10, 9, 8, 7]


def test_rows_that_stay_unprocessed_are_not_taken_for_deleted():
    with pytest.raises(BusyError, match="2 rows were not deleted"):
        GenerationRows(Busy(99), "table", VIEW).delete(1, PLACES)


@pytest.mark.parametrize("write", [is_done, try_update])
def test_a_write_that_a_busy_table_does_not_take_is_neither_done_nor_refused(write):
    def throttled(**_):
        raise ClientError({"Error": {"Code": "ThrottlingException"}}, "UpdateItem")

    with pytest.raises(ClientError, match="ThrottlingException"):
        write(throttled)
