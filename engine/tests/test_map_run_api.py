"""Map Runs over the AWS protocol. Source of shapes: Step Functions API Reference."""

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError
from engine.tests.maps import MapLab
from engine.tests.served import client_of, refused

from sfn_local.executions import map_run
from sfn_local.server import serve_engine

WAIT = {"Type": "Wait", "Seconds": 60, "End": True}


@pytest.fixture
def maps() -> MapLab:
    return MapLab()


@pytest.fixture
def client(maps: MapLab) -> Iterator[Any]:
    server = serve_engine(maps.engine, port=0)
    yield client_of(server.url)
    server.close()


def test_a_map_run_is_listed_described_and_updated(maps: MapLab, client: Any) -> None:
    maps.start([1, 2, 3], processor=WAIT, MaxConcurrency=1)
    (run,) = client.list_map_runs(executionArn=maps.arn)["mapRuns"]
    arn = run["mapRunArn"]
    client.update_map_run(
        mapRunArn=arn,
        maxConcurrency=2,
        toleratedFailureCount=1,
        toleratedFailurePercentage=2.5,
    )
    maps.engine.run_until_idle()
    described = client.describe_map_run(mapRunArn=arn)

    assert (described["status"], described["maxConcurrency"]) == ("RUNNING", 2)
    assert described["toleratedFailureCount"] == 1
    assert described["toleratedFailurePercentage"] == 2.5
    assert described["itemCounts"]["running"] == 2


def test_children_are_listed_page_by_page(maps: MapLab, client: Any) -> None:
    maps.run([1, 2, 3])
    arn = maps.map_run["mapRunArn"]
    first = client.list_executions(mapRunArn=arn, maxResults=2)
    second = client.list_executions(mapRunArn=arn, maxResults=2, nextToken=first["nextToken"])
    children = [*first["executions"], *second["executions"]]

    assert [child["itemCount"] for child in children] == [1, 1, 1]
    assert {child["mapRunArn"] for child in children} == {arn}
    assert client.describe_execution(executionArn=children[0]["executionArn"])["output"] == "3"


def test_express_children_are_listed_and_described_but_have_no_history(
    maps: MapLab, client: Any
) -> None:
    """The API model's words on ListExecutions, DescribeExecution and GetExecutionHistory."""
    maps.run([1, 2, 3], execution_type="EXPRESS")
    children = client.list_executions(mapRunArn=maps.map_run["mapRunArn"])["executions"]
    arn = children[0]["executionArn"]
    described = client.describe_execution(executionArn=arn)

    assert [child["status"] for child in children] == ["SUCCEEDED"] * 3
    assert (described["input"], described["output"]) == ("3", "3")
    assert described["mapRunArn"] == maps.map_run["mapRunArn"]
    for call in (client.get_execution_history, client.stop_execution, client.redrive_execution):
        assert refused(call, executionArn=arn) == (
            "InvalidArn",
            "Invalid Arn: 'Resource type not valid in this context: express'",
        )


def test_of_express_children_the_latest_are_kept(
    maps: MapLab, client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(map_run, "MOST_EXPRESS_KEPT", 2)
    maps.run([1, 2, 3], execution_type="EXPRESS", MaxConcurrency=1)
    children = client.list_executions(mapRunArn=maps.map_run["mapRunArn"])["executions"]

    kept = [client.describe_execution(executionArn=child["executionArn"]) for child in children]
    assert sorted(child["input"] for child in kept) == ["2", "3"]


@pytest.mark.parametrize(
    "parameters",
    [{}, {"stateMachineArn": "arn:aws:states:::stateMachine:m", "mapRunArn": "arn"}],
)
def test_executions_are_listed_of_one_owner(client: Any, parameters: dict[str, str]) -> None:
    with pytest.raises(ClientError) as caught:
        client.list_executions(**parameters)

    assert caught.value.response["Error"]["Code"] == "ValidationException"


def test_an_unknown_map_run_is_no_resource(client: Any) -> None:
    with pytest.raises(ClientError) as caught:
        client.describe_map_run(mapRunArn="arn:aws:states:us-east-1:0:mapRun:m/Lab:no")

    assert caught.value.response["Error"]["Code"] == "ResourceNotFound"
