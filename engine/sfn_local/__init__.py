"""An interpreter of the Amazon States Language, as a library.

The same engine behind the AWS protocol is in sfn_local.server.
"""

from sfn_local.calls.functions import (
    FunctionError,
    FunctionInvoker,
    InlineFunctions,
    ThreadedFunctions,
    function_name,
)
from sfn_local.engine import Engine
from sfn_local.scheduler import ManualScheduler, Scheduler, ThreadScheduler
from sfn_local.scheduler.clock import Clock, RealClock, VirtualClock

__all__ = [
    "Clock",
    "Engine",
    "FunctionError",
    "FunctionInvoker",
    "InlineFunctions",
    "ManualScheduler",
    "RealClock",
    "Scheduler",
    "ThreadScheduler",
    "ThreadedFunctions",
    "VirtualClock",
    "function_name",
]
