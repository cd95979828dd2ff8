"""The functions of a stack, run in this process or in processes of their own."""

from __future__ import annotations

import importlib
import os
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from http import HTTPStatus
from typing import Final

from sfn_cqrs.kernel.masking import masked_line
from sfn_cqrs_tools.client.app_check import modules_of_package
from sfn_cqrs_tools.runtime.data_folder import DataFolder, KeptEvents
from sfn_cqrs_tools.runtime.lambdas import Functions, Invocation
from sfn_cqrs_tools.runtime.output import FunctionOutput
from sfn_cqrs_tools.runtime.revisions import NotImported
from sfn_cqrs_tools.runtime.template import Template
from sfn_cqrs_tools.runtime.traces import Traces
from sfn_cqrs_tools.runtime.weather import VARIABLE, Forecast
from sfn_cqrs_tools.stack.environment import environment
from sfn_cqrs_tools.stack.settings import Settings
from sfn_local.http_server import Response

LOOK_SECONDS: Final = 0.1
"""How long asynchronous work may run the code from before a save."""
REBUILDING: Final = re.compile(r"POST /rebuilds/[^/]+(/(resume|compare|switch))?/?")
"""Requests that must not run with the code from before the last save."""


@contextmanager
def functions(
    settings: Settings,
    template: Template,
    data: DataFolder | None,
    output: FunctionOutput,
    traces: Traces | None,
) -> Iterator[Functions]:
    """Take the functions of a template; they are held until they are released."""
    with ExitStack() as around:
        forecast = _forecast(settings, template)
        if forecast is not None and settings.isolated:
            around.enter_context(environment({VARIABLE: str(forecast)}))
        kept = None if data is None else KeptEvents(data.events)
        if kept is not None:
            around.callback(kept.close)
        made = Functions(
            template.functions.values(),
            sources=template.layers,
            reload_seconds=LOOK_SECONDS if settings.reload else None,
            prepare=_import_package if settings.reload else tuple,
            isolated=settings.isolated,
            forecast=forecast,
            traces=traces,
            kept=kept,
        )
        made.hold()
        made.listeners.append(partial(_log_failure, output))
        around.callback(made.close)
        yield made


def refusal(functions: Functions) -> Callable[[str, str], Response | None]:
    """Return what refuses to rebuild with old code, since people switch to its result."""

    def refuse(method: str, path: str) -> Response | None:
        if REBUILDING.fullmatch(f"{method} {path}") is None:
            return None
        functions.catch_up()
        if functions.is_newest:
            return None
        modules = ", ".join(sorted({one.module for one in functions.broken or ()}))
        status = HTTPStatus.INTERNAL_SERVER_ERROR
        problem = {
            "type": "about:blank",
            "title": status.phrase,
            "status": status,
            "code": "app_broken",
            "detail": f"a rebuild would run the code from before: {modules} cannot be imported",
        }
        return Response.of_json(problem, status)

    return refuse


def _forecast(settings: Settings, template: Template) -> Forecast | None:
    if settings.weather is None:
        return None
    share, seed = settings.weather
    return Forecast(share, seed, frozenset(each.function for each in template.routes))


def _log_failure(output: FunctionOutput, invocation: Invocation) -> None:
    if invocation.error is not None:
        prefix = f"{invocation.function} {invocation.request_id}"
        output.line(prefix, masked_line(invocation.logged()))


def _import_package() -> Iterator[NotImported]:
    """Import the user's package as functions do with their first call; yield what is broken."""
    package = os.environ.get("APP_PACKAGE")
    if package:
        yield from modules_of_package(package)
        with suppress(Exception):  # broken modules are reported elsewhere
            importlib.import_module("sfn_cqrs.machines.command.handlers").load()
