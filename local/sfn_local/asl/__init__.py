"""An interpreter of the Amazon States Language, as a library.

The same engine behind the AWS protocol is in sfn_local.asl.server.
"""

from sfn_local.asl.clock import Clock, RealClock, VirtualClock
from sfn_local.asl.engine import Engine
from sfn_local.asl.functions import (
    FunctionError,
    FunctionInvoker,
    InlineFunctions,
    ThreadedFunctions,
    function_name,
)
from sfn_local.asl.scheduler import ManualScheduler, Scheduler, ThreadScheduler

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
