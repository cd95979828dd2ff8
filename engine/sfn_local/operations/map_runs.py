"""Map Runs."""

from sfn_local.engine import Engine
from sfn_local.operations.paging import PAGE, page_of
from sfn_local.operations.parameters import EXECUTION, LONG_ARN, Answer, Given, Operation, Parameter

MAP_RUN = {"mapRunArn": LONG_ARN}


def describe(engine: Engine, given: Given) -> Answer:
    """DescribeMapRun."""
    return engine.describe_map_run(given["mapRunArn"])


def list_all(engine: Engine, given: Given) -> Answer:
    """ListMapRuns."""
    return page_of("mapRuns", engine.list_map_runs(given["executionArn"]), given)


def update(engine: Engine, given: Given) -> None:
    """UpdateMapRun."""
    engine.update_map_run(
        given["mapRunArn"],
        given["maxConcurrency"],
        given["toleratedFailureCount"],
        given["toleratedFailurePercentage"],
    )


OPERATIONS = {
    "DescribeMapRun": Operation(describe, MAP_RUN),
    "ListMapRuns": Operation(list_all, {**EXECUTION, **PAGE}),
    "UpdateMapRun": Operation(
        update,
        {
            **MAP_RUN,
            "maxConcurrency": Parameter(int, most=2**31 - 1),
            "toleratedFailureCount": Parameter(int, most=2**63 - 1),
            "toleratedFailurePercentage": Parameter(float, most=100),
        },
    ),
}
