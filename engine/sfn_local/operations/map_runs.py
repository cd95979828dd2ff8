"""Map Runs."""

from sfn_local.operations.paging import PAGE, page_of
from sfn_local.operations.parameters import EXECUTION, LONG_ARN, Operation, Parameter

MAP_RUN = {"mapRunArn": LONG_ARN}


OPERATIONS = {
    "DescribeMapRun": Operation(
        lambda engine, given: engine.describe_map_run(given["mapRunArn"]), MAP_RUN
    ),
    "ListMapRuns": Operation(
        lambda engine, given: page_of(
            "mapRuns", engine.list_map_runs(given["executionArn"]), given
        ),
        {**EXECUTION, **PAGE},
    ),
    "UpdateMapRun": Operation(
        lambda engine, given: engine.update_map_run(
            given["mapRunArn"],
            given["maxConcurrency"],
            given["toleratedFailureCount"],
            given["toleratedFailurePercentage"],
        ),
        {
            **MAP_RUN,
            "maxConcurrency": Parameter(int, most=2**31 - 1),
            "toleratedFailureCount": Parameter(int, most=2**63 - 1),
            "toleratedFailurePercentage": Parameter(float, most=100),
        },
    ),
}
