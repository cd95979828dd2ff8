"""A feature that needs a library of an extra names it, if the library is not installed."""

import json
import sys
from typing import Any

import pytest
from engine.tests.conftest import Lab
from engine.tests.maps import MapLab

from sfn_local import BotoServices, Engine, InlineFunctions, VirtualClock
from sfn_local.errors import ApiError
from sfn_local.operations import OPERATIONS

LIST_BUCKETS = {"Type": "Task", "Resource": "arn:aws:states:::aws-sdk:s3:listBuckets", "End": True}


@pytest.fixture(autouse=True)
def _nothing_of_the_extras(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("boto3", "botocore", "pyarrow", "zstandard"):
        loaded = [each for each in sys.modules if each == name or each.startswith(f"{name}.")]
        for each in (name, *loaded):
            monkeypatch.setitem(sys.modules, each, None)


def test_a_service_call_names_the_extra() -> None:
    engine = Engine(
        functions=InlineFunctions(lambda _name, payload: payload),
        clock=VirtualClock(),
        services=BotoServices(),
    )
    machine = engine.create_state_machine("m", {"StartAt": "it", "States": {"it": LIST_BUCKETS}})
    arn = engine.start_execution(machine)
    engine.run_until(arn)
    described = engine.describe_execution(arn)

    assert (described["error"], described["cause"]) == (
        "States.TaskFailed",
        "install 'sfn-local[aws]' to call s3, or mock the state",
    )


def test_a_checked_mock_names_the_extra_and_an_unchecked_one_needs_it_not(lab: Lab) -> None:
    operation = OPERATIONS["TestState"]

    def ask(**mock: Any) -> dict[str, Any]:
        given = {
            "definition": json.dumps(LIST_BUCKETS),
            "roleArn": "arn:aws:iam::123456789012:role/r",
            "mock": {"result": '{"Buckets": []}', **mock},
        }
        return operation.run(lab.engine, operation.check(given))

    with pytest.raises(ApiError, match=r"install 'sfn-local\[aws\]' to compare with s3's API"):
        ask()
    assert ask(fieldValidationMode="NONE")["status"] == "SUCCEEDED"


@pytest.mark.parametrize(
    ("key", "config", "cause"),
    [
        ("rows.parquet", {"InputType": "PARQUET"}, "install 'sfn-local[parquet]' to read Parquet"),
        ("rows.jsonl.zst", {"InputType": "JSONL"}, "install 'sfn-local[zstd]' to read ZSTD files"),
    ],
)
def test_a_file_of_a_rare_kind_names_the_extra(
    key: str, config: dict[str, str], cause: str
) -> None:
    maps = MapLab()
    maps.read(b"", key=key, **config)

    error, given = maps.failure
    assert (error, str(given)[: len(cause)]) == ("States.ItemReaderFailed", cause)
