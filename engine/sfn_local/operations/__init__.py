"""The operations of the Step Functions API: their parameters and their calls of the engine."""

from sfn_local.operations import executions, machines, map_runs, tasks, testing, versions
from sfn_local.operations.parameters import Operation

__all__ = ["OPERATIONS", "Operation"]

OPERATIONS: dict[str, Operation] = {
    **machines.OPERATIONS,
    **versions.OPERATIONS,
    **executions.OPERATIONS,
    **map_runs.OPERATIONS,
    **tasks.OPERATIONS,
    **testing.OPERATIONS,
}
