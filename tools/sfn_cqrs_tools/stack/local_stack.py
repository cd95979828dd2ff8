"""The whole system on this machine: fabric, engine, functions and HTTP front around one template.

    with LocalStack(Settings(state_dir=tmp_path)) as stack:
        urllib.request.urlopen(f"{stack.http}/data?type=AIRPORT")

Each part is a context manager, in a module beside this one; its arguments are the parts before it.
Functions share this process and its environment, so a process runs one stack at a time.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol, Self

from sfn_cqrs import bootstrap
from sfn_cqrs_tools.project import state_path, template_path
from sfn_cqrs_tools.runtime.circles import circle_told
from sfn_cqrs_tools.runtime.clock import LeapingClock
from sfn_cqrs_tools.runtime.data_folder import DataFolder
from sfn_cqrs_tools.runtime.fabric import (
    CREDENTIALS,
    Deployment,
    Fabric,
    Ministack,
    deploy,
    local_client,
)
from sfn_cqrs_tools.runtime.front import Front
from sfn_cqrs_tools.runtime.iam.enforcement import VARIABLE as POLICIES
from sfn_cqrs_tools.runtime.iam.enforcement import Enforcement
from sfn_cqrs_tools.runtime.iam.policies import Permissions
from sfn_cqrs_tools.runtime.lambda_api import LambdaApi, executions_url, forward_url
from sfn_cqrs_tools.runtime.lambdas import Functions, current_function
from sfn_cqrs_tools.runtime.listening import HOST, Ports
from sfn_cqrs_tools.runtime.live.authorizer import Authorizer
from sfn_cqrs_tools.runtime.live.pages import LivePage
from sfn_cqrs_tools.runtime.output import FunctionOutput
from sfn_cqrs_tools.runtime.postgres import LocalPostgres
from sfn_cqrs_tools.runtime.short_calls import ShortCalls
from sfn_cqrs_tools.runtime.state import StackError, StackInfo, StateFolder
from sfn_cqrs_tools.runtime.streams import StreamMapping
from sfn_cqrs_tools.runtime.template import Function, Template
from sfn_cqrs_tools.runtime.traces import Traces
from sfn_cqrs_tools.runtime.versions import Versions
from sfn_cqrs_tools.stack.code import functions, refusal
from sfn_cqrs_tools.stack.database import Database, database
from sfn_cqrs_tools.stack.deliveries import Deliveries
from sfn_cqrs_tools.stack.endpoints import naming_port, served, wait_until_all_answer
from sfn_cqrs_tools.stack.environment import environment, isolated
from sfn_cqrs_tools.stack.fabric_environment import fabric_python
from sfn_cqrs_tools.stack.health import Health
from sfn_cqrs_tools.stack.machines import Machines, check, engine_served, machines
from sfn_cqrs_tools.stack.place import place
from sfn_cqrs_tools.stack.project_template import load_template
from sfn_cqrs_tools.stack.settings import Settings
from sfn_cqrs_tools.stack.sql_files import POSTGRES, POSTGRES_ROLE
from sfn_local import CachedServices, Engine, ThreadScheduler
from sfn_local.lint.template_file import TemplateError

if TYPE_CHECKING:
    from sfn_cqrs_tools.runtime.live.server import LiveServer

LIVE: Final = "AWS::AppSync::"
CHANNEL_NAMESPACE: Final = "AWS::AppSync::ChannelNamespace"
SUBSCRIBE_FUNCTION: Final = "LiveOnSubscribeFunction"


class LocalStack:
    """A stack that starts when entered, and leaves nothing behind when left."""

    def __init__(self, settings: Settings | None = None) -> None:
        """Prepare a stack; nothing of it is there before it is entered."""
        self.settings = settings or Settings()
        self.name = self.settings.name
        self.state = StateFolder(self.settings.state_dir or state_path())
        self._path = Path(self.settings.template or template_path())
        kept = self.settings.data_dir
        self.data = None if kept is None else DataFolder(kept)
        self.hosts = tuple(host.lower() for host in self.settings.hosts)
        self.clock = LeapingClock()
        self.iam: Enforcement | None = None
        self.live: LiveServer | None = None
        self.health: Health | None = None
        self.http = self.aws = self.sfn = self.lambda_ = ""
        self.restored: Mapping[str, int] = {}
        """The number of items, messages and running executions that it continues with."""
        self.output: FunctionOutput
        self.fabric: Fabric
        self.template: Template
        self.functions: Functions
        self.front: Front
        self.deployment: Deployment
        self.engine: Engine
        self._cleanup = ExitStack()
        self._engine_servers = ExitStack()
        self._has_leapt = False
        self._database = Database()
        self._traces: Traces | None = None
        self._calls = ShortCalls()
        self._deliveries: Deliveries

    def __enter__(self) -> Self:
        """Start everything, or nothing.

        Raises:
            StackError, FabricError, TemplateError: what is wrong, and what to do.
        """
        try:
            for part in (
                self._enter_place,
                self._enter_functions,
                self._enter_front,
                self._enter_fabric,
                self._enter_engine,
                self._enter_versions,
                self._enter_deliveries,
            ):
                part()
            self._begin()
        except (OSError, sqlite3.Error) as error:
            self._cleanup.close()
            folder = self.state.path if self.data is None else self.data.path
            raise StackError(
                f"the stack cannot be started: {error}; is there room on the disk of {folder}?"
            ) from error
        except BaseException:
            self._cleanup.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """End everything that was started."""
        self._cleanup.close()

    def _enter_place(self) -> None:
        """Hold the folders, read the template, and begin to start PostgreSQL."""
        given, enter = self.settings, self._cleanup.enter_context
        self.output = enter(place(self.state, self.data, fresh=given.fresh))
        enter(environment(isolated()))
        self.fabric = given.fabric or Ministack(
            fabric_python(),
            self.state.fabric_log,
            given.ports.aws,
            data=None if self.data is None else self.data.path,
            hosts=self.hosts,
        )
        self.template = self._load()
        if given.postgres:
            folder = self.state.path / "postgres" if self.data is None else self.data.postgres
            keep, port = self.data is not None, given.ports.postgres
            self._database = enter(
                database(self.template, folder, port=port, keep=keep, hosts=self.hosts)
            )

    def _enter_functions(self) -> None:
        """Take the functions, and what stands between them and AWS."""
        given, enter = self.settings, self._cleanup.enter_context
        if given.traces:
            self._traces = Traces(self.state.traces)
            self._traces.start()
            self._cleanup.callback(self._traces.close)
        self.functions = enter(
            functions(given, self.template, self.data, self.output, self._traces)
        )
        enter(_started(self._calls))
        if given.iam:
            self.iam = Enforcement(current_function, self._machine_of)
            enter(_started(self.iam))
        if self.functions.weather is not None:
            enter(_started(self.functions.weather))
        self._deliveries = Deliveries(self.functions, self.client)
        api = LambdaApi(
            self.functions, self._deliveries.take, lambda: self.troubles, self._start_execution
        )
        self.lambda_ = enter(served(self.hosts, given.ports.lambda_, "Lambda", api.handle))
        if given.recorder is not None:
            given.recorder.start(self.functions)
            self._cleanup.callback(given.recorder.stop)

    def _enter_front(self) -> None:
        """Serve HTTP, and stand for the template's Events API, which the fabric has not."""
        ports, enter = self.settings.ports, self._cleanup.enter_context
        self.front = Front(self.template.routes, self.functions, self.template.cors)
        self.front.traces = self._traces
        self.front.refusal = refusal(self.functions)
        guard = self.front.guard
        self.http = enter(served(self.hosts, ports.http, "HTTP", self.front.handle, guard))
        for namespace in self.template.of_type(CHANNEL_NAMESPACE).values():
            from sfn_cqrs_tools.runtime.live.server import LiveServer  # noqa: PLC0415 - 0.3 s, few need it

            with naming_port(ports.live, "live updates"):
                self.live = LiveServer(
                    namespace["Name"],
                    Authorizer(self.functions, SUBSCRIBE_FUNCTION),
                    port=ports.live,
                    origins=guard.origins | self._own_origins,
                    hosts=self.hosts,
                )
            self._cleanup.callback(self.live.close)
            self.front.live = LivePage(self.live.url, self.live.realtime)

    def _enter_fabric(self) -> None:
        """Start the fabric, and deploy to it."""
        forward = {
            function.name: forward_url(self.lambda_, function.logical_id)
            for function in self.functions
        }
        self._cleanup.callback(self.fabric.stop)
        # The front's pages may send a file by a form.
        origins = self.front.guard.origins | self._own_origins
        with naming_port(self.settings.ports.aws, "the AWS services"):
            self.fabric.start(forward, origins, executions_url(self.lambda_))
        plain = self._plain()
        self.fabric.wait()
        self.aws = self.fabric.endpoint
        self.deployment = deploy(self.aws, self.name, plain, self.template.overrides)
        if self.data is not None:
            self.restored = dict(self.fabric.restore())
        self._read_policies(plain)

    def _enter_engine(self) -> None:
        """Start the engine with the machines, whose executions go on at once."""
        port = self.settings.ports.sfn
        self.engine = self._cleanup.enter_context(
            machines(self._make_engine, self.template, self.deployment, self.functions)
        )
        self._cleanup.callback(self._engine_servers.close)
        server = self._engine_servers.enter_context(engine_served(self.engine, port, self.hosts))
        self.sfn = server.url
        self._calls.serve_here(server.url, server.answer)

    def _enter_versions(self) -> None:
        """Give the functions their environment, and publish versions of them."""
        self._database.migrate()
        self._cleanup.enter_context(environment(self.environment))
        self._publish()
        self._cleanup.callback(self.functions.close)  # before the environment changes again

    def _enter_deliveries(self) -> None:
        """Deliver what happens; of a stack that keeps its data, look at its health."""
        given = self.settings
        kept = None if self.data is None else self.fabric
        self._cleanup.enter_context(
            self._deliveries.begun(self.deployment.streams, given.window_seconds, kept)
        )
        self.functions.preload()
        if self.data is not None:
            self._cleanup.callback(self._interrupt)
            self.health = Health(self)
            self.health.start()
            self._cleanup.callback(self.health.close)

    def _begin(self) -> None:
        self.functions.release()
        urls = (self.http, self.aws, self.sfn, self.lambda_)
        wait_until_all_answer(urls, self.state.stack_log)
        self.state.write(self.info)

    def _start_execution(self, machine: str, payload: str) -> None:
        """Start what a rule or a schedule starts."""
        self.functions.wait_until_ready()
        self.engine.start_execution(machine, input=payload)

    def _interrupt(self) -> None:
        """End first what would else count as failed, or as done: it goes on at the next start."""
        self._deliveries.close()
        self._engine_servers.close()
        self.engine.close()

    @property
    def postgres(self) -> LocalPostgres | None:
        """Return its own PostgreSQL, if it has one."""
        return self._database.server

    @property
    def outputs(self) -> Mapping[str, str]:
        """Return the outputs of the CloudFormation stack."""
        more: dict[str, str] = {}
        if self.live is not None:
            more |= {"LiveEndpoint": self.live.url, "LiveRealtimeEndpoint": self.live.realtime}
        if self.postgres is not None:
            more |= {POSTGRES: self.postgres.dsn, POSTGRES_ROLE: self.postgres.functions_dsn}
        return {**self.deployment.outputs, **more}

    @property
    def ports(self) -> Ports:
        """Return the ports that it has got."""
        live = self.live.url.removesuffix("/event") if self.live else ""
        return self.settings.ports.taken_by(
            http=self.http, sfn=self.sfn, lambda_=self.lambda_, aws=self.aws, live=live
        )

    @property
    def info(self) -> StackInfo:
        """Return the content of stack.json, which other processes read."""
        environment = {name: value for name, value in self.environment.items() if value}
        return StackInfo(
            self.http,
            self.aws,
            self.sfn,
            self.lambda_,
            os.getpid(),
            self.name,
            self.live.url if self.live else "",
            self.outputs,
            {**CREDENTIALS, **environment},
            self.hosts[0] if self.hosts else "",
        )

    @property
    def denied(self) -> list[str]:
        """Return IAM's latest refusals to the functions, each with a remedy."""
        return [] if self.iam is None else list(self.iam.denied)

    def client(self, service: str) -> Any:
        """Return this thread's boto3 client of the fabric, or of the engine for stepfunctions."""
        endpoint = {"stepfunctions": self.sfn, "lambda": self.lambda_}.get(service, self.aws)
        return local_client(service, endpoint)

    def stream_of(self, function: str) -> StreamMapping:
        """Return what delivers a stream to a function, by its logical id."""
        arn = self.functions.find(function).arn
        return self._deliveries.stream_of(arn)

    def leap(self, seconds: float) -> None:
        """Move the time on for the machines' timers and for the functions; it never goes back.

        Functions in processes of their own go by the real time.
        """
        if not self._has_leapt:
            self._cleanup.enter_context(bootstrap.override(clock=self.clock.now))
            self._has_leapt = True
        self.clock.leap(seconds)
        self.engine.scheduler.add(_look_at_the_clock)  # it sleeps until the next timer was due

    @property
    def troubles(self) -> Sequence[str]:
        """Return the stack's present troubles, each as a sentence; `up` looks once a second."""
        return () if self.health is None else self.health.troubles

    @property
    def environment(self) -> dict[str, str | None]:
        """Return the environment of every function."""
        deployed = self.deployment.environment
        return {**{name: deployed[name] for name in self.template.environment}, **self._of_machine}

    def check_template(self) -> None:
        """Refuse what the template's files are now, if it cannot be deployed.

        Raises:
            StackError, TemplateError: what is wrong, and where.
        """
        template = self._load()
        _translated(template)
        check(template)

    def reload_machines(self) -> list[str]:
        """Load changed ASL files; running executions keep their definition.

        Return the names of the changed machines. Nothing changes if one of them cannot run.

        Raises:
            TemplateError: what is wrong with which.
        """
        template = self._load()
        check(template)
        changed = Machines(self.engine).take(template)
        self.template = template
        return changed

    def running_executions(self) -> int:
        """Return how many executions have not ended."""
        return Machines(self.engine).running()

    def _load(self) -> Template:
        given = self.settings
        template = load_template(
            self._path, stack=self.name, live=given.live, parameters=given.parameters
        )
        functions = template.of_type("AWS::Serverless::Function")
        return template.named({one: self.fabric.function_name(self.name, one) for one in functions})

    def _plain(self) -> dict[str, Any]:
        """Return what the fabric deploys."""
        plain = _translated(self.template)
        if not self.settings.schedules:
            for resource in plain["Resources"].values():
                if "ScheduleExpression" in resource.get("Properties", {}):
                    resource["Properties"]["State"] = "DISABLED"
        return plain

    def _read_policies(self, plain: Mapping[str, Any]) -> None:
        """Let the functions do what their roles allow, on resources as they are called here."""
        if self.iam is None:
            return
        template = self.template.named(dict(map(_named, self.deployment.resources.items())))
        self.iam.permissions = Permissions.of(template, plain)
        if self.settings.isolated:
            self.state.policies.write_text(self.iam.permissions.as_json(), encoding="utf-8")
            self._cleanup.enter_context(environment({POLICIES: str(self.state.policies)}))

    def _publish(self) -> None:
        """Publish versions, unless nothing is deployed over what was before it."""
        given = self.settings
        folder = given.versions or (None if self.data is None else self.data.versions)
        if folder is None and given.reload:
            folder = self.state.versions
            shutil.rmtree(folder, ignore_errors=True)
        if folder is None:
            return
        versions = Versions(
            self.template,
            folder,
            " ".join(f"{name}={value}" for name, value in sorted(given.parameters.items())),
            self._variables_of,
            self._around_versions,
            self.aws,
        )
        versions.deploy()
        self.functions.versions = versions

    def _variables_of(self, function: Function) -> dict[str, str]:
        """Return what a deploy gives to a function."""
        own = function.environment.keys() - self._of_machine.keys()
        return {name: self.deployment.environment[name] for name in sorted(own)}

    def _around_versions(self) -> dict[str, str]:
        """Return what published versions have beside their own environment."""
        if self.iam is None or self.iam.permissions is None:
            return self._of_machine
        self.state.policies.write_text(self.iam.permissions.as_json(), encoding="utf-8")
        return {**self._of_machine, POLICIES: str(self.state.policies)}

    def _machine_of(self, token: str) -> str | None:
        """Return the template's machine that waits with a token; a sample waits in another."""
        arn = self.engine.machine_of(token)
        return arn if arn in {one.arn for one in self.template.machines.values()} else None

    def _make_engine(self, scheduler: ThreadScheduler) -> Engine:
        return Engine(
            functions=self.functions,
            clock=self.clock,
            services=CachedServices(self.client),
            scheduler=scheduler,
            data_dir=None if self.data is None else self.data.engine,
            express_repeats=self.settings.express_repeats,
            express_log=self.state.express_log,
        )

    @property
    def _of_machine(self) -> dict[str, str]:
        """Return the variables that this machine gives to every function, whatever is deployed."""
        return {
            **({"POSTGRES": dsn} if (dsn := self._database.dsn) else {}),
            **({"LIVE_ENDPOINT": self.live.url} if self.live else {}),
            **({"AWS_XRAY_DAEMON_ADDRESS": self._traces.address} if self._traces else {}),
            "AWS_ENDPOINT_URL": self.aws,
            "AWS_ENDPOINT_URL_SFN": self.sfn,
            "AWS_ENDPOINT_URL_LAMBDA": self.lambda_,
        }

    @property
    def _own_origins(self) -> frozenset[str]:
        """Return the origins by which browsers reach the front."""
        return frozenset((self.http, self.http.replace(HOST, "localhost")))


class _Startable(Protocol):
    """What stands in the way of calls while it is started."""

    def start(self) -> None:
        """Begin."""

    def stop(self) -> None:
        """End."""


@contextmanager
def _started(part: _Startable) -> Iterator[None]:
    part.start()
    try:
        yield
    finally:
        part.stop()


def _translated(template: Template) -> dict[str, Any]:
    """Return the plain template of what the fabric has.

    Raises:
        TemplateError: SAM refuses it, or resources need one another.
    """
    plain = template.translate(without=LIVE)
    if told := circle_told(plain["Resources"]):
        raise TemplateError(told)
    return plain


def _named(resource: tuple[str, str]) -> tuple[str, str]:
    """Return the logical id and the name of a resource, which may be told as an ARN or a URL."""
    logical_id, value = resource
    return logical_id, value.rpartition("/")[2].rpartition(":")[2]


def _look_at_the_clock() -> None:
    """Do nothing: the job only wakes the scheduler."""
