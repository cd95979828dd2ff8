"""What a publish makes of the answers that moto never gives."""

import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber
from tests.contract.worlds import MotoWorld
from tests.support.stubs import a_client

from sfn_cqrs.machines.command.publication import Refusal
from sfn_cqrs_tools.testing.builders import a_publication, a_sync_publication

NAME = "TransactionCanceledException"


class _OneClient:
    def __init__(self, client):
        self.dynamodb, self.s3 = client, None


@pytest.fixture
def stubbed():
    """Return the commands table and the stub of its client."""
    client = a_client("dynamodb")
    with Stubber(client) as stub:
        yield MotoWorld(_OneClient(client)).commands, stub


@pytest.mark.parametrize(
    ("codes", "refusal"),
    [
        (["TransactionConflict", "None"], Refusal.BUSY),
        (["None", "TransactionConflict"], Refusal.BUSY),
        (["ThrottlingError", "None"], Refusal.BUSY),
        (["None", "ProvisionedThroughputExceeded"], Refusal.BUSY),
        (["ConditionalCheckFailed", "None"], Refusal.VERSION_TAKEN),
        (["None", "ConditionalCheckFailed"], Refusal.VERSION_TAKEN),
        (["TransactionConflict", "ConditionalCheckFailed"], Refusal.VERSION_TAKEN),
    ],
)
def test_a_refusal_says_which_condition_failed(codes, refusal, stubbed):
    commands, stub = stubbed
    reasons = [{"Code": code} for code in codes]
    stub.add_client_error(
        "transact_write_items", NAME, modeled_fields={"CancellationReasons": reasons}
    )

    assert commands.publish(a_publication()) is refusal


@pytest.mark.parametrize("place", [2, 3])
def test_a_refusal_by_data_or_predecessor_says_that_the_data_moved(place, stubbed):
    commands, stub = stubbed
    reasons = [{"Code": "None"}] * 4
    reasons[place] = {"Code": "ConditionalCheckFailed"}
    stub.add_client_error(
        "transact_write_items", NAME, modeled_fields={"CancellationReasons": reasons}
    )

    publication = a_sync_publication(version=2, predecessor=1, data_version=1)

    assert commands.publish(publication) is Refusal.DATA_MOVED


def test_a_transaction_cancelled_for_another_reason_is_raised(stubbed):
    commands, stub = stubbed
    reasons = ["ItemCollectionSizeLimitExceeded", "ThrottlingError"]
    fields = {"CancellationReasons": [{"Code": code} for code in reasons]}
    stub.add_client_error("transact_write_items", NAME, modeled_fields=fields)

    with pytest.raises(ClientError, match=NAME):
        commands.publish(a_publication())


def test_any_other_error_is_raised_as_it_is(stubbed):
    commands, stub = stubbed
    stub.add_client_error("transact_write_items", "AccessDeniedException")

    with pytest.raises(ClientError, match="AccessDeniedException"):
        commands.publish(a_publication())
