"""The operations of the Step Functions API: what each takes, and what it asks of the engine."""

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
