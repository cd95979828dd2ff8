"""AWS Step Functions on this machine: an engine for the Amazon States Language."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
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

_PLACES = {
    "BotoServices": "calls.boto",
    "CachedServices": "calls.services",
    "Clock": "scheduler.clock",
    "Done": "calls.functions",
    "Engine": "engine",
    "FunctionError": "calls.functions",
    "FunctionInvoker": "calls.functions",
    "InlineFunctions": "calls.functions",
    "JournalError": "errors",
    "Json": "document",
    "ManualScheduler": "scheduler",
    "RealClock": "scheduler.clock",
    "Retention": "registry.retention",
    "Scheduler": "scheduler",
    "Services": "calls.services",
    "ThreadScheduler": "scheduler",
    "ThreadedFunctions": "calls.functions",
    "VirtualClock": "scheduler.clock",
    "function_name": "calls.functions",
    "invocation_headers": "calls.functions",
    "is_of_map_run": "calls.functions",
    "trace_header": "calls.functions",
}
"""The modules that the names are in; a command that needs none of them starts sooner."""


def __getattr__(name: str) -> Any:
    """Import what is asked for."""
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_PLACES[name]}"), name)
    globals()[name] = value
    return value
