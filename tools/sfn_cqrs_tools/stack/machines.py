"""The state machines of a stack, on the engine."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager

from sfn_cqrs_tools.runtime.events import EventRules
from sfn_cqrs_tools.runtime.fabric import Deployment
from sfn_cqrs_tools.runtime.lambdas import Functions
from sfn_cqrs_tools.runtime.listening import HOST, addresses
from sfn_cqrs_tools.runtime.state import StackError
from sfn_cqrs_tools.runtime.template import Machine, Template
from sfn_cqrs_tools.stack.endpoints import naming_port
from sfn_local import Engine, JournalError, ThreadScheduler
from sfn_local.http_server import Server
from sfn_local.lint.template_file import TemplateError
from sfn_local.server import serve_engine


class Machines:
    """The machines of a template, as the engine has them."""

    def __init__(self, engine: Engine) -> None:
        """Use an engine."""
        self._engine = engine

    def take(self, template: Template) -> list[str]:
        """Have the engine run the template's machines; return the names of changed ones."""
        wanted = {one.arn: one for one in template.machines.values()}
        there = {one["stateMachineArn"]: one for one in self._engine.list_state_machines()}
        changed = []
        for arn, one in wanted.items():
            if arn in there and there[arn]["type"] != one.type:  # those that run keep theirs
                self._engine.delete_state_machine(arn)
                del there[arn]
            before = self._definition(arn) if arn in there else ""
            if arn in there:
                self._engine.update_state_machine(arn, one.definition)
            else:
                self._engine.create_state_machine(one.name, one.definition, one.type)
            if before != self._definition(arn):
                changed.append(one.name)
        for arn in there.keys() - wanted.keys():
            self._engine.delete_state_machine(arn)
        return changed

    def running(self) -> int:
        """Return how many executions have not ended."""
        running = [
            self._engine.list_executions(one["stateMachineArn"], status="RUNNING")
            for one in self._engine.list_state_machines()
            if one["type"] == "STANDARD"
        ]
        return sum(map(len, running))

    def _definition(self, arn: str) -> str:
        return str(self._engine.describe_state_machine(arn)["definition"])


@contextmanager
def machines(
    make: Callable[[ThreadScheduler], Engine],
    template: Template,
    deployment: Deployment,
    functions: Functions,
) -> Iterator[Engine]:
    """Start an engine with the machines of a template; events of its executions reach functions.

    Raises:
        StackError: what it has kept cannot be read.
    """
    scheduler = ThreadScheduler()
    with ExitStack() as begun:
        with scheduler.lock:  # nothing continues before all know of it
            try:
                engine = make(scheduler)
            except JournalError as error:
                raise StackError(
                    f"executions cannot be read: {error}; `sfn-cqrs up --fresh` forgets them"
                ) from error
            begun.callback(engine.close)
            rules = EventRules(deployment.rules, functions.invoke_async)
            engine.on_status_change.append(rules.on_status_change)
            Machines(engine).take(template)
        yield engine


@contextmanager
def engine_served(engine: Engine, port: int, hosts: Sequence[str]) -> Iterator[Server]:
    """Serve the API of an engine; yield its first server.

    Raises:
        StackError: the port is taken.
    """
    with ExitStack() as servers:
        with naming_port(port, "Step Functions"):
            first = serve_engine(engine, HOST, port, hosts=hosts)
            servers.callback(first.close)
            for address in addresses(hosts):
                got = int(first.url.rpartition(":")[2])
                more = serve_engine(engine, address, got, hosts=hosts)
                servers.callback(more.close)
        yield first


def check(template: Template) -> None:
    """Refuse definitions that cannot run.

    Raises:
        TemplateError: the file, and what is wrong where.
    """
    for machine in template.machines.values():
        _check(machine)


def _check(machine: Machine) -> None:
    for refused in machine.refusals():
        raise TemplateError(refused)
