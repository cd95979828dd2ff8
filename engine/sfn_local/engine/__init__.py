"""The engine: state machines, executions and task tokens, with AWS's semantics.

Every public method may be called from any thread. There is one module for each resource of the
API; core is what they share.
"""

from sfn_local.engine.execution_api import ExecutionApi
from sfn_local.engine.machine_api import MachineApi
from sfn_local.engine.map_run_api import MapRunApi
from sfn_local.engine.metrics_api import MetricsApi
from sfn_local.engine.task_api import TaskApi

__all__ = ["Engine"]


class Engine(MachineApi, ExecutionApi, MapRunApi, TaskApi, MetricsApi):
    """Runs state machines."""
