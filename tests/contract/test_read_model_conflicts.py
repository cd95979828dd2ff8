"""What a read model makes of the answers that moto never gives."""

import pytest
from botocore.exceptions import ClientError
from tests.support.stubs import a_client, stub_of

from sfn_cqrs.kernel.errors import TransientError
from sfn_cqrs.kernel.read_models.read_model import TRIES, ReadModel
from sfn_cqrs.kernel.tables import transactions

NAME = "TransactionCanceledException"


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch):
    monkeypatch.setattr(transactions.time, "sleep", lambda _: None)


@pytest.fixture
def stubbed():
    """Return a view and the stub of its client."""
    client = a_client("dynamodb")
    with stub_of(client) as stub:
        yield ReadModel(client, "ReadModelsTable", "view"), stub


def cancelled(stub, *codes):
    reasons = [{"Code": code} for code in codes]
    fields = {"CancellationReasons": reasons}
    stub.add_client_error("transact_write_items", NAME, modeled_fields=fields)


def test_a_row_that_is_being_written_by_another_is_tried_again(stubbed):
    view, stub = stubbed
    cancelled(stub, "None", "TransactionConflict")
    stub.add_response("transact_write_items", {})

    view.write_all([view.add("tenant1", "countries", "JP", "airports", 1)])


def test_a_row_that_stays_busy_is_a_passing_error(stubbed):
    view, stub = stubbed
    for _ in range(TRIES):
        cancelled(stub, "TransactionConflict")

    with pytest.raises(TransientError, match="others keep writing the same items"):
        view.write_all([view.add("tenant1", "countries", "JP", "airports", 1)])


def test_any_other_error_is_raised_as_it_is(stubbed):
    view, stub = stubbed
    stub.add_client_error("transact_write_items", "AccessDeniedException")

    with pytest.raises(ClientError, match="AccessDeniedException"):
        view.write_all([view.add("tenant1", "countries", "JP", "airports", 1)])
