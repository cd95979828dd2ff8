"""Runs the Python of pages against the stack that the environment tells of: each in a fork.

A page shows what matters, not every import. So a name that a block does not make is given: one of
the framework or of the standard library, or one of `GIVEN`, which a reader would have made. What
would need a file or a workflow of the reader's is a specification of itself: it takes what the
service takes, and answers nothing.
"""

import ast
import builtins
import gc
import importlib
import json
import os
import pkgutil
import re
import sys
import traceback
from collections.abc import Iterator
from contextlib import chdir
from datetime import UTC, datetime
from inspect import signature
from pathlib import Path
from tempfile import TemporaryDirectory
from types import ModuleType
from typing import Any
from unittest.mock import MagicMock, create_autospec, patch

from tests.support.system import silent

import sfn_cqrs
from sfn_cqrs import bootstrap
from sfn_cqrs.kernel.sql.sql import Sql
from sfn_cqrs.machines.approval.service import ApprovalService
from sfn_cqrs.machines.import_csv import service as imports
from sfn_cqrs.machines.workflow import children, waits
from sfn_cqrs.machines.workflow import executions as step_functions
from sfn_cqrs.machines.zip_orchestrator import imports as zip_imports
from sfn_cqrs_tools.testing.fakes import World
from sfn_cqrs_tools.testing.fakes.services import LinkSecret
from sfn_cqrs_tools.testing.sagas import SagaRun, run_saga
from sfn_local import pytest_plugin

LIBRARIES = ("collections.abc", "dataclasses", "datetime", "functools", "typing")
SPECIFIED = (
    (zip_imports, "ImportService"),
    *((step_functions, name) for name in ("StepFunctionService",)),
    *((waits, name) for name in ("resume", "refuse")),
    *((children, name) for name in ("start", "answer", "refuse", "answering")),
    (bootstrap, "sql"),
)
CLIENTS = ("dynamodb", "s3", "sns", "stepfunctions")
ORDER = {"order": "o-7", "customer": "ada", "card": "visa", "total": 40}
GIVEN: dict[str, Any] = {
    "MACHINE_ARN": "arn:aws:states:us-east-1:000000000000:stateMachine:order",
    "KEYS": {"id": "o-1", "tenant": "tenant1"},
    "ORDER_V3": {"tenant": "tenant1", "type": "ORDER", "code": "o-1", "version": 3},
    "order": {**ORDER, "lines": [{"sku": "BOOK", "quantity": 1}]},
    "order_id": "o-1",
    "attempt": 1,
    "moment": datetime(2040, 1, 1, tzinfo=UTC),
    **dict.fromkeys(("Appointment", "Booking", "Order", "Payment"), object),
    "key": "uploads/tenant1/a.zip",
    "token": "a-token",
    "id_": "of an approval",
    "Request": imports.Request,
    "convert": print,
    "tenant": "tenant1",
    "pages": [],
    **{name: MagicMock() for name in ("context", "failure", "result", "cache")},
}

HERE = Path.cwd()


def modules() -> Iterator[ModuleType]:
    """All modules of the framework, then those of the standard library that pages use."""
    for found in pkgutil.walk_packages(sfn_cqrs.__path__, "sfn_cqrs."):
        yield importlib.import_module(found.name)
    yield from map(importlib.import_module, LIBRARIES)


def index() -> dict[str, Any]:
    """Each name of the framework: of a door, else where it is made, else where it is imported."""
    borrowed: dict[str, Any] = {}
    made: dict[str, Any] = {}
    for module in modules():
        for name, value in vars(module).items():
            is_here = getattr(value, "__module__", None) == module.__name__
            (made if is_here else borrowed).setdefault(name, value)
    opened = {
        name: getattr(module, name)
        for module in modules()
        for name in getattr(module, "__all__", ())
        if module.__name__.startswith("sfn_cqrs.")
    }
    return {**borrowed, **made, **opened, **GIVEN}


def asked_for(code: str, known: dict[str, Any]) -> dict[str, Any]:
    """The names that a block reads, of those that are known; its functions' too."""
    read = {
        node.id
        for node in ast.walk(ast.parse(code))
        if isinstance(node, ast.Name) and not hasattr(builtins, node.id)
    }
    return {name: known[name] for name in read & known.keys()}


def run(place: str, code: str, known: dict[str, Any]) -> None:
    """Run a block, and the tests that it is."""
    made = {"__name__": "shop.page", **asked_for(code, known)}
    if "id_" in made:
        made["id_"] = ApprovalService("tenant1").request("ORDER_RELEASE", subject="o-1")
    made |= {name: getattr(module, name) for module, name in SPECIFIED if name in made}
    exec(compile(code, place, "exec"), made)
    for name, test in made.items():
        if name.startswith("test_"):
            with TemporaryDirectory() as folder, chdir(folder):
                test(*[FIXTURES[fixture] for fixture in signature(test).parameters])


def machine(name: str, **options: Any) -> pytest_plugin.MachineRun:
    """What the fixture run_machine is."""
    text = json.loads((HERE / f"statemachine/{name}.asl.json").read_text(encoding="utf-8"))
    return pytest_plugin.MachineRun(
        text, name, options.get("input"), options.get("stubs", {}), None, None, None
    )


def saga_run(*given: Any, **options: Any) -> SagaRun:
    """What the fixture run_saga is, with a world of its own."""
    world = World()
    with silent(), bootstrap.override(**world.parts()):
        return run_saga(world, *given, **options)


FIXTURES = {"run_machine": machine, "run_saga": saga_run}


def specify() -> None:
    """Put specifications in the place of what would need more than a stack."""
    for module, name in SPECIFIED:
        patch.object(module, name, create_autospec(getattr(module, name))).start()
    secret, sql = LinkSecret(), create_autospec(Sql)
    patch.object(bootstrap, "link_secret", lambda: secret).start()
    patch.object(bootstrap, "sql", lambda: sql).start()


def main() -> int:
    known = index()
    specify()
    for service in CLIENTS:  # to make one takes longer than to run a block
        bootstrap.DEPLOYED.client(service)
    gc.collect()
    gc.freeze()
    failed = 0
    for place, text in json.load(sys.stdin):
        code = re.sub(r"…", "...", re.sub(r", …(?=[\]})])", "", text))
        child = os.fork()
        if child == 0:
            try:
                run(place, code, known)
            except BaseException:
                print(place, traceback.format_exc(), file=sys.stderr, flush=True)
                os._exit(1)
            os._exit(0)
        if os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]):
            failed += 1
        else:
            print(place, flush=True)
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
