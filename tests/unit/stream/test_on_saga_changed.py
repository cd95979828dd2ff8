import json

import pytest
from functions.stream.on_saga_changed.app import lambda_handler

from sfn_cqrs.kernel.keys import SagaRef
from sfn_cqrs_tools.testing.builders import ORDERED

REF = SagaRef(ORDERED, 1, "order-saga")
NAME = REF.execution_name("sfn-cqrs-SagasTable")
EXECUTION = "arn:aws:states:us-east-1:000000000000:execution:sfn-cqrs-own-saga"


@pytest.fixture
def records(sample):
    """The sample's records: a saga that is to be started, and one that is parked."""
    text = json.dumps(sample("stream/on_saga_changed"))
    return json.loads(text.replace("offer-saga", REF.saga))["Records"]


def test_a_new_saga_is_started_and_one_that_is_parked_is_told_of(world, records):
    assert lambda_handler({"Records": records}, None) == {"batchItemFailures": []}

    assert world.saga_executions.started == [REF]
    identity = {
        "id": ORDERED.id,
        "table": "sfn-cqrs-SagasTable",
        "pk": "SAGA#tenant1",
        "sk": f"SAGA#{ORDERED.ulid}",
        "tenantCode": "tenant1",
    }
    assert world.events.messages == [
        {
            "action": "saga-status",
            **identity,
            "content": {
                "status": "PARKED",
                "source": "api",
                "saga": "order-saga",
                "attempt": 1,
                "error": "TransientError",
            },
        }
    ]
    message = "TransientError: refund_payment: ConnectionError: the bank does not answer"
    assert world.failures.messages == [
        {
            "action": "sfn-alarm",
            **identity,
            "content": {"errorMessage": message, "sfnId": f"{EXECUTION}:{NAME}"},
        }
    ]


@pytest.mark.parametrize("status", ["COMPLETED", "COMPENSATED"])
def test_an_end_is_told_of_and_alarms_nobody(status, world, records):
    records[1]["dynamodb"]["NewImage"]["status"] = {"S": status}

    lambda_handler({"Records": records[1:]}, None)

    assert [one["content"]["status"] for one in world.events.messages] == [status]
    assert world.failures.messages == []
