"""AWS Step Functions on this machine: an engine for the Amazon States Language."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sfn_local.calls.boto import BotoServices as BotoServices
    from sfn_local.calls.functions import Done as Done
    from sfn_local.calls.functions import FunctionError as FunctionError
    from sfn_local.calls.functions import FunctionInvoker as FunctionInvoker
    from sfn_local.calls.functions import InlineFunctions as InlineFunctions
    from sfn_local.calls.functions import ThreadedFunctions as ThreadedFunctions
    from sfn_local.calls.functions import function_name as function_name
    from sfn_local.calls.functions import invocation_headers as invocation_headers
    from sfn_local.calls.functions import is_of_map_run as is_of_map_run
    from sfn_local.calls.functions import trace_header as trace_header
    from sfn_local.calls.services import CachedServices as CachedServices
    from sfn_local.calls.services import Services as Services
    from sfn_local.document import Json as Json
    from sfn_local.engine import Engine as Engine
    from sfn_local.errors import JournalError as JournalError
    from sfn_local.registry.retention import Retention as Retention
    from sfn_local.scheduler import ManualScheduler as ManualScheduler
    from sfn_local.scheduler import Scheduler as Scheduler
    from sfn_local.scheduler import ThreadScheduler as ThreadScheduler
    from sfn_local.scheduler.clock import Clock as Clock
    from sfn_local.scheduler.clock import RealClock as RealClock
    from sfn_local.scheduler.clock import VirtualClock as VirtualClock

_MODULES = {
    "calls.boto": "BotoServices",
    "calls.functions": "Done FunctionError FunctionInvoker InlineFunctions ThreadedFunctions "
    "function_name invocation_headers is_of_map_run trace_header",
    "calls.services": "CachedServices Services",
    "document": "Json",
    "engine": "Engine",
    "errors": "JournalError",
    "registry.retention": "Retention",
    "scheduler": "ManualScheduler Scheduler ThreadScheduler",
    "scheduler.clock": "Clock RealClock VirtualClock",
}
"""The names by their modules; a command that needs none of them starts sooner."""
_PLACES = {name: module for module, names in _MODULES.items() for name in names.split()}


def __dir__() -> list[str]:
    """Return what can be imported from here."""
    return sorted({*globals(), *_PLACES})


def __getattr__(name: str) -> Any:
    """Import what is asked for."""
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_PLACES[name]}"), name)
    globals()[name] = value
    return value
