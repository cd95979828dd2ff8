"""Map Runs over the AWS protocol. Source of shapes: Step Functions API Reference."""

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError
from engine.tests.maps import MapLab
from engine.tests.served import client_of

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
