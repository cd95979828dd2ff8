import json

import pytest
from functions.queue.publish_live.app import lambda_handler

from sfn_cqrs import bootstrap
from sfn_cqrs.kernel.errors import TransientError
from sfn_cqrs_tools.testing.fakes.services import LiveEvents


@pytest.fixture
def channels():
    kept = LiveEvents()
    with bootstrap.override(live_events=kept):
        yield kept


@pytest.fixture
def event(sample):
    return sample("queue/publish_live")


def test_what_has_happened_is_published_in_one_go(event, channels):
    assert lambda_handler(event, None) == {"batchItemFailures": []}

    assert [(one.channel, one.content["action"]) for one in channels.published] == [
        ("/live/tenant1/command/AIRPORT/NRT", "command-status"),
        ("/live/tenant1/import/airports/i-01KAXK3V9Q0M3W8C5R6T7Y8Z9B", "import-status"),
    ]


def test_no_key_and_no_name_of_a_table_is_published(event, channels):
    lambda_handler(event, None)

    text = json.dumps([one.content for one in channels.published])
    assert "sfn-cqrs" not in text
    assert "TENANT#" not in text


def test_what_appsync_does_not_take_now_comes_again(event, channels):
    channels.is_busy = True

    with pytest.raises(TransientError):
        lambda_handler(event, None)


@pytest.mark.parametrize(
    "notice",
    [
        {"action": "other-status", "id": "x", "tenantCode": "t", "content": {}},
        {"action": "task-status", "id": "x", "tenantCode": "t", "content": {}},
        {"action": "command-status"},
        [],
    ],
)
def test_what_cannot_be_published_goes_to_the_dead_letters_alone(event, channels, notice):
    first, second = event["Records"]
    body = json.loads(first["body"])
    first["body"] = json.dumps({**body, "Message": json.dumps(notice)})

    answer = lambda_handler(event, None)

    assert answer == {"batchItemFailures": [{"itemIdentifier": first["messageId"]}]}
    assert len(channels.published) == 1
    assert second["messageId"] not in str(answer)
