"""The functions of template.yaml, each run on the thread that calls it."""

import importlib.util
import json
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from tests.support.calls import Calls, KilledError

from sfn_cqrs_tools.runtime.handlers import Context
from sfn_cqrs_tools.runtime.template import Function, Template
from sfn_local import FunctionError, function_name

KILLED = "Lambda.Unknown"


@cache
def handler_of(folder: Path, handler: str) -> Callable[[Any, Any], Any]:
    """Import a function's module under a name of its own, once per process."""
    stem, _, attribute = handler.rpartition(".")
    name = f"in_process_{'_'.join(folder.parts[-2:])}"
    spec = importlib.util.spec_from_file_location(name, folder / f"{stem}.py")
    if spec is None or spec.loader is None:
        raise LookupError(folder)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    function: Callable[[Any, Any], Any] = getattr(module, attribute)
    return function


class Lambdas:
    """Invokes functions by logical id, name or ARN."""

    def __init__(self, template: Template, calls: Calls) -> None:
        self._functions = {
            name: function
            for function in template.functions.values()
            for name in (function.logical_id, function.name)
        }
        self._template = template
        self._calls = calls

    def find(self, name: str) -> Function:
        return self._functions[function_name(name)]

    def invoke(self, name: str, payload: bytes) -> bytes:
        """Answer what the function answers.

        Raises:
            FunctionError: it raised, or was killed.
        """
        function = self.find(name)
        handler = handler_of(function.folder, function.handler)
        context = Context(
            function_name=function.name,
            invoked_function_arn=function.arn,
            memory_limit_in_mb=str(function.memory),
            aws_request_id="a-request",
            deadline=time.monotonic() + function.timeout,
        )
        try:
            with self._calls.of(function.logical_id):
                return json.dumps(handler(json.loads(payload), context)).encode()
        except KilledError as error:
            raise FunctionError(KILLED, json.dumps({"errorMessage": "killed"})) from error
        except Exception as error:
            raise FunctionError.of(error) from error
