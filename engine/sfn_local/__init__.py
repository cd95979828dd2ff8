"""AWS Step Functions on this machine: an engine for the Amazon States Language."""

from sfn_local.calls.boto import BotoServices
from sfn_local.calls.functions import (
    Done,
    FunctionError,
    FunctionInvoker,
    InlineFunctions,
    ThreadedFunctions,
    function_name,
    invocation_headers,
    is_of_map_run,
    trace_header,
)
from sfn_local.calls.services import CachedServices, Services
from sfn_local.document import Json
from sfn_local.engine import Engine
from sfn_local.errors import JournalError
from sfn_local.registry.retention import Retention
from sfn_local.scheduler import ManualScheduler, Scheduler, ThreadScheduler
from sfn_local.scheduler.clock import Clock, RealClock, VirtualClock

__all__ = [
    "BotoServices",
    "CachedServices",
    "Clock",
    "Done",
    "Engine",
    "FunctionError",
    "FunctionInvoker",
    "InlineFunctions",
    "JournalError",
    "Json",
    "ManualScheduler",
    "RealClock",
    "Retention",
    "Scheduler",
    "Services",
    "ThreadScheduler",
    "ThreadedFunctions",
    "VirtualClock",
    "function_name",
    "invocation_headers",
    "is_of_map_run",
    "trace_header",
]
