"""Task tokens never leave the console."""

import json

import pytest

from sfn_cqrs_tools.console.masking import MASK, masked, masked_event
from sfn_local.executions.tokens import Tokens

OURS = Tokens(b"key").issue(None)
OF_AWS = "AQCgAAAAKgAAAAMAAAAAAAAAAT" + "aB3/+=" * 80


@pytest.mark.parametrize("token", [OURS, OF_AWS])
def test_a_token_is_masked_wherever_it_stands(token):
    inner = json.dumps({"deep": {"url": f"https://x.example/?t={token}&y=1"}})
    text = json.dumps({"Payload": {"anything": token, "text": inner}})

    assert token not in masked(text)
    assert masked(text).count(MASK) == 2


@pytest.mark.parametrize("name", ["taskToken", "TaskToken", "task_token", "myTaskToken"])
def test_a_field_of_that_name_is_masked_whatever_it_holds(name):
    text = json.dumps({"a": json.dumps({name: "short"}), name: "short", "next": "stays"})

    assert "short" not in masked(text)
    assert "stays" in masked(text)
    assert masked_event({"input": text, "d": {name: "short"}}) == {
        "input": masked(text),
        "d": {name: MASK},
    }


def test_ids_digests_and_words_stay():
    text = "c-01KAXK3V9Q0M3W8C5R6T7Y8Z9A nextToken AAAAA " + "f" * 64

    assert masked(text) == text
