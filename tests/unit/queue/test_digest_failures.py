import json

import pytest
from functions.queue.digest_failures.app import lambda_handler
from tests.unit.kernel.test_digest import a_failure


def enveloped(notice):
    """A notice in the envelope of its topic."""
    return json.dumps({"Message": json.dumps(notice)})


def a_batch(*bodies):
    """What SQS delivers at once."""
    return {
        "Records": [
            {
                "messageId": f"m-{place}",
                "receiptHandle": f"r-{place}",
                "body": body
                if isinstance(body, str)
                else json.dumps({"Message": json.dumps(body)}),
                "attributes": {"ApproximateReceiveCount": "1"},
            }
            for place, body in enumerate(bodies)
        ]
    }


@pytest.fixture(autouse=True)
def _stack(monkeypatch):
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", "clinic-prod")


def test_however_many_have_failed_people_are_told_once(world, lambda_context):
    answer = lambda_handler(a_batch(*[a_failure()] * 500), lambda_context)

    assert answer == {"batchItemFailures": []}
    assert [told.subject for told in world.information.told] == ["500 failures in clinic-prod"]


def test_a_message_that_cannot_be_read_holds_up_nobody(world, lambda_context):
    answer = lambda_handler(a_batch("no json", a_failure(), enveloped([1])), lambda_context)

    failed = [one["itemIdentifier"] for one in answer["batchItemFailures"]]
    assert failed == ["m-0", "m-2"]
    assert [told.subject for told in world.information.told] == ["1 failure in clinic-prod"]


def test_nobody_is_told_of_nothing(world, lambda_context):
    lambda_handler(a_batch("no json"), lambda_context)

    assert world.information.told == []


def test_what_could_not_be_told_comes_back_whole(world, lambda_context, monkeypatch):
    def broken(_digest):
        raise OSError("SNS does not answer")

    monkeypatch.setattr(world.information, "tell", broken)

    with pytest.raises(OSError, match="SNS"):
        lambda_handler(a_batch(a_failure()), lambda_context)
