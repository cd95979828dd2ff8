"""The whole system on this machine: fabric, engine, functions and HTTP front around one template.

    with LocalStack(state_dir=tmp_path) as stack:
        urllib.request.urlopen(f"{stack.http}/data?type=AIRPORT")

Functions share this process and its environment, so a process runs one stack at a time.
"""

from __future__ import annotations

import importlib
import json
import logging
import os
import shutil
import sqlite3
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self, TextIO

from sfn_cqrs import bootstrap
from sfn_cqrs.kernel.masking import masked_line
from sfn_cqrs.kernel.sql.role import Role
from sfn_cqrs.kernel.sql.script import Migration
from sfn_cqrs_tools.project import state_path, template_path
from sfn_cqrs_tools.runtime.clock import LeapingClock
from sfn_cqrs_tools.runtime.data_folder import DataFolder, KeptEvents
from sfn_cqrs_tools.runtime.events import EventRules
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
from sfn_cqrs_tools.runtime.lambda_api import LambdaApi, forward_url
from sfn_cqrs_tools.runtime.lambdas import Functions, Invocation, current_function
from sfn_cqrs_tools.runtime.listening import HOST, Ports, addresses
from sfn_cqrs_tools.runtime.live.authorizer import Authorizer
from sfn_cqrs_tools.runtime.live.pages import LivePage
from sfn_cqrs_tools.runtime.output import FunctionOutput, opened_log
from sfn_cqrs_tools.runtime.postgres import VARIABLE as DSN
from sfn_cqrs_tools.runtime.postgres import LocalPostgres, PostgresError
from sfn_cqrs_tools.runtime.recorder import Recorder
from sfn_cqrs_tools.runtime.revisions import NotImported
from sfn_cqrs_tools.runtime.short_calls import ShortCalls
from sfn_cqrs_tools.runtime.state import StackError, StackInfo, StateFolder
from sfn_cqrs_tools.runtime.streams import Checkpoints, StreamMapping, StreamSettings
from sfn_cqrs_tools.runtime.template import DEFAULT_STACK, Function, Machine, Route, Template
from sfn_cqrs_tools.runtime.traces import Traces
from sfn_cqrs_tools.runtime.versions import Versions
from sfn_cqrs_tools.runtime.weather import VARIABLE, Forecast
from sfn_cqrs_tools.stack.app_check import modules_of_package
from sfn_cqrs_tools.stack.fabric_environment import fabric_python
from sfn_cqrs_tools.stack.health import Health
from sfn_cqrs_tools.stack.project_template import load_template
from sfn_cqrs_tools.stack.sql_files import POSTGRES, POSTGRES_ROLE, migrations_of
from sfn_local import CachedServices, Engine, FunctionError, JournalError, ThreadScheduler
from sfn_local.http_server import Handler, Response, serve
from sfn_local.lint.template_file import TemplateError
from sfn_local.request_guard import Guard
from sfn_local.server import serve_engine
from sfn_local.words import refused

if TYPE_CHECKING:
    from sfn_cqrs_tools.runtime.live.server import LiveServer

logger = logging.getLogger(__name__)

LOGGING: Final = ("sfn_cqrs_tools", "sfn_local")

LOOK_SECONDS: Final = 0.1
"""How long asynchronous work may run the code from before a save."""
START_SECONDS: Final = 30
"""A busy machine takes seconds to import the first function."""
REBUILDING: Final = frozenset(
    ("POST", f"/rebuilds/{{name}}{step}") for step in ("", "/resume", "/compare", "/switch")
)
"""Requests that must not run with the code from before the last save."""
MAX_HTTP_BODY: Final = 10 * 1024 * 1024  # API Gateway's own limit; Lambda's is lower

LIVE: Final = "AWS::AppSync::"
CHANNEL_NAMESPACE: Final = "AWS::AppSync::ChannelNamespace"
SUBSCRIBE_FUNCTION: Final = "LiveOnSubscribeFunction"

_running = threading.Lock()


class LocalStack:
    """A stack that starts when entered, and leaves nothing behind when left."""

    def __init__(
        self,
        *,
        template: Path | str | None = None,
        state_dir: Path | str | None = None,
        data_dir: Path | str | None = None,
        fresh: bool = False,
        port: int = 0,
        ports: Ports | None = None,
        hosts: Sequence[str] = (),
        name: str = DEFAULT_STACK,
        parameters: Mapping[str, str] | None = None,
        fabric: Fabric | None = None,
        reload: bool = True,
        isolated: bool = False,
        recorder: Recorder | None = None,
        window_seconds: float | None = None,
        weather: tuple[float, int] | None = None,
        postgres: bool = True,
        live: bool = True,
        express_repeats: float = 0.0,
        traces: bool = False,
        iam: bool = True,
        versions: Path | None = None,
    ) -> None:
        """Prepare a stack out of `template`, or the project's; `port` is the HTTP front's.

        0 takes a free one. The other endpoints have the ports behind it, unless `ports` has one
        for each. It listens on 127.0.0.1 and on those of `hosts` that are addresses, and
        answers to all of them.
        With a `data_dir` it goes on where the stack before it ended there, or was killed, unless
        it is to begin `fresh`; without one, all is in memory. A `recorder` counts
        invocations and AWS calls. `fabric` may be another than ministack.
        No stream waits longer than `window_seconds` for a batch, whatever the template says.
        `weather` is the share of calls, invocations and answers that fail, and its seed.
        `express_repeats` is the share of EXPRESS executions that run twice, as AWS's may.
        A PostgreSQL runs if the user's package has migrations for one, unless `postgres` is false.
        With `live`, notices reach the clients of a twin of AppSync Events, if the template has one.
        `traces` keeps what X-Ray would of each request.
        With `iam`, each function may do what its role in the template allows, and no more.
        `versions` is a folder of what is published, for a deploy over another stack.
        """
        self.name = name
        self.state = StateFolder(state_dir or state_path())
        self.data = None if data_dir is None else DataFolder(data_dir)
        self._fresh = fresh
        self.hosts = tuple(host.lower() for host in hosts)
        self._template_path = Path(template or template_path())
        self._parameters = parameters or {}
        self._ports = ports or Ports.behind(port)
        self._fabric = fabric
        self._reload = reload
        self._isolated = isolated
        self._recorder = recorder
        self._window_seconds = window_seconds
        self._weather = weather
        self._has_postgres = postgres
        self._has_live = live
        self._express_repeats = express_repeats
        self._dsn = ""
        self._keeps_traces = traces
        self._traces: Traces | None = None
        self._has_iam = iam
        self._versions = versions
        self.iam: Enforcement | None = None
        self.postgres: LocalPostgres | None = None
        self.live: LiveServer | None = None
        self.health: Health | None = None
        self.clock = LeapingClock()
        self._has_leapt = False
        self._cleanup = ExitStack()
        self._engine_servers = ExitStack()

        self.http = self.aws = self.sfn = self.lambda_ = ""
        self.fabric: Fabric
        self.template: Template
        self.deployment: Deployment
        self.front: Front
        self.functions: Functions
        self.output: FunctionOutput
        self.engine: Engine
        self.restored: Mapping[str, int] = {}
        """The number of items, messages and running executions that it continues with."""
        self._streams: dict[tuple[str, str], StreamMapping] = {}

    def __enter__(self) -> Self:
        """Start everything, or nothing.

        Raises:
            StackError, FabricError, TemplateError: what is wrong, and what to do.
        """
        try:
            self._start()
        except (OSError, sqlite3.Error) as error:
            self._cleanup.close()
            place = self.state.path if self.data is None else self.data.path
            raise StackError(
                f"the stack cannot be started: {error}; is there room on the disk of {place}?"
            ) from error
        except BaseException:
            self._cleanup.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """End everything that was started."""
        self._cleanup.close()

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
        return self._ports.taken_by(
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
        return next(mapping for (_, to), mapping in self._streams.items() if to == arn)

    def leap(self, seconds: float) -> None:
        """Move the time on for the machines' timers and for the functions; it never goes back.

        Functions in processes of their own go by the real time.
        """
        if not self._has_leapt:
            self._cleanup.enter_context(bootstrap.override(clock=self.clock.now))
            self._has_leapt = True
        self.clock.leap(seconds)
        self.engine.scheduler.add(_look_at_the_clock)  # it sleeps until the next timer was due

    def _start(self) -> None:
        if not _running.acquire(blocking=False):
            raise StackError(
                "a stack already runs in this process: functions share its environment"
            )
        self._cleanup.callback(_running.release)
        self.state.acquire()
        self._cleanup.callback(self.state.release)
        if self.data is not None:
            self.data.acquire(fresh=self._fresh)
            self._cleanup.callback(self.data.release)
        self.state.begin_logs(keep=self.data is not None and not self._fresh)
        log = self._cleanup.enter_context(opened_log(self.state.stack_log))
        self._cleanup.enter_context(_logging_to(log))
        self.output = self._cleanup.enter_context(FunctionOutput(log))

        self._cleanup.enter_context(_environment(_isolated()))
        self.fabric = self._fabric or Ministack(
            fabric_python(),
            self.state.fabric_log,
            self._ports.aws,
            data=None if self.data is None else self.data.path,
            hosts=self.hosts,
        )
        self.template = self._load(self.fabric)
        migrations = self._begin_postgres()
        self._start_functions()
        self.front = Front(self.template.routes, self.functions, self.template.cors)
        self.front.traces = self._traces
        self.front.refusal = self._refusal
        self.http = self._serve(self._ports.http, "HTTP", self.front.handle, self.front.guard)
        self._start_live()
        plain = self._start_fabric(self.fabric, self.front.guard.origins)
        self._start_engine()
        self._read_policies(plain)
        self._migrate(migrations)
        self._cleanup.enter_context(_environment(self.environment))
        self._publish()
        self._cleanup.callback(self.functions.close)  # before the environment changes again
        self._start_deliveries()
        self.functions.preload()
        if self.data is not None:
            self._cleanup.callback(self._interrupt)
            self.health = Health(self)
            self.health.start()
            self._cleanup.callback(self.health.close)
        self.functions.release()
        self._wait_until_all_answer()
        self.state.write(self.info)

    @property
    def troubles(self) -> Sequence[str]:
        """Return the stack's present troubles, each as a sentence; `up` looks once a second."""
        return () if self.health is None else self.health.troubles

    def _interrupt(self) -> None:
        """End first what would else count as failed, or as done: it goes on at the next start."""
        for mapping in self._streams.values():
            mapping.close()
        self._engine_servers.close()
        self.engine.close()

    def _load(self, fabric: Fabric) -> Template:
        path, given = self._template_path, self._parameters
        template = load_template(path, stack=self.name, live=self._has_live, parameters=given)
        functions = template.of_type("AWS::Serverless::Function")
        return template.named({one: fabric.function_name(self.name, one) for one in functions})

    def _plain(self) -> dict[str, Any]:
        """Return what the fabric deploys."""
        return self.template.translate(without=LIVE)

    def _begin_postgres(self) -> list[Migration]:
        """Begin to start PostgreSQL in parallel; return the migrations to apply to it."""
        environment = self.template.environment
        if not self._has_postgres or "POSTGRES" not in environment:
            return []
        migrations = migrations_of(self.template.root, environment["APP_PACKAGE"])
        self._dsn = os.environ.get(DSN, "")
        if migrations and not self._dsn:
            folder = self.state.path / "postgres" if self.data is None else self.data.postgres
            keep = self.data is not None
            server = LocalPostgres(folder, port=self._ports.postgres, keep=keep, hosts=self.hosts)
            self.postgres = self._cleanup.enter_context(server)
        return migrations

    def _migrate(self, migrations: list[Migration]) -> None:
        """Apply migrations; their driver and its errors come from one copy of the layer.

        A project's functions have put their copy in the place of the installed one.
        """
        if not migrations:
            return
        from sfn_cqrs.kernel.errors import SfnCqrsError, TransientError  # noqa: PLC0415
        from sfn_cqrs.kernel.sql.driver import DriverSql  # noqa: PLC0415 - few have SQL
        from sfn_cqrs.kernel.sql.migrations import Migrations  # noqa: PLC0415

        try:
            owner, role = self._dsn, None
            if self.postgres is not None:
                owner, self._dsn = self.postgres.dsn, self.postgres.functions_dsn
                role = Role.of_dsn(self._dsn)
            sql = DriverSql(lambda: owner)
            Migrations(sql, migrations, role).migrate()
            sql.close()
        except (PostgresError, SfnCqrsError, TransientError) as error:
            raise StackError(f"PostgreSQL: {error}") from error

    def _start_functions(self) -> None:
        if self._keeps_traces:
            self._traces = Traces(self.state.traces)
            self._traces.start()
            self._cleanup.callback(self._traces.close)
        self.functions = Functions(
            self.template.functions.values(),
            sources=self.template.layers,
            reload_seconds=LOOK_SECONDS if self._reload else None,
            prepare=_import_package if self._reload else tuple,
            isolated=self._isolated,
            forecast=self._forecast(),
            traces=self._traces,
            kept=self._kept_events(),
        )
        self.functions.hold()
        self.functions.listeners.append(self._log_failure)
        self._cleanup.callback(self.functions.close)
        self._calls = ShortCalls()
        self._calls.start()
        self._cleanup.callback(self._calls.stop)
        if self._has_iam:
            self.iam = Enforcement(current_function, self._machine_of)
            self.iam.start()
            self._cleanup.callback(self.iam.stop)
        if self.functions.weather is not None:
            self.functions.weather.start()
            self._cleanup.callback(self.functions.weather.stop)
        api = LambdaApi(self.functions, self._forward, lambda: self.troubles)
        self.lambda_ = self._serve(self._ports.lambda_, "Lambda", api.handle)
        if self._recorder is not None:
            self._recorder.start(self.functions)
            self._cleanup.callback(self._recorder.stop)

    def _refusal(self, route: Route) -> Response | None:
        """Refuse to rebuild with old code, since people switch to its result."""
        if (route.method, route.path) not in REBUILDING:
            return None
        self.functions.catch_up()
        if self.functions.is_newest:
            return None
        modules = ", ".join(sorted({one.module for one in self.functions.broken or ()}))
        status = HTTPStatus.INTERNAL_SERVER_ERROR
        problem = {
            "type": "about:blank",
            "title": status.phrase,
            "status": status,
            "code": "app_broken",
            "detail": f"a rebuild would run the code from before: {modules} cannot be imported",
        }
        return Response.of_json(problem, status)

    def _kept_events(self) -> KeptEvents | None:
        if self.data is None:
            return None
        kept = KeptEvents(self.data.events)
        self._cleanup.callback(kept.close)
        return kept

    def _log_failure(self, invocation: Invocation) -> None:
        if invocation.error is not None:
            prefix = f"{invocation.function} {invocation.request_id}"
            self.output.line(prefix, masked_line(invocation.logged()))

    def _forecast(self) -> Forecast | None:
        if self._weather is None:
            return None
        share, seed = self._weather
        forecast = Forecast(share, seed, frozenset(each.function for each in self.template.routes))
        if self._isolated:
            self._cleanup.enter_context(_environment({VARIABLE: str(forecast)}))
        return forecast

    def _start_live(self) -> None:
        """Stand for the template's Events API, which the fabric has not."""
        namespaces = self.template.of_type(CHANNEL_NAMESPACE).values()
        for namespace in namespaces:
            from sfn_cqrs_tools.runtime.live.server import LiveServer  # noqa: PLC0415 - 0.3 s, few need it

            port = self._ports.live
            with self._naming_port(port, "live updates"):
                self.live = LiveServer(
                    namespace["Name"],
                    Authorizer(self.functions, SUBSCRIBE_FUNCTION),
                    port=port,
                    origins=self.front.guard.origins | self._own_origins,
                    hosts=self.hosts,
                )
            self._cleanup.callback(self.live.close)
            self.front.live = LivePage(self.live.url, self.live.realtime)

    @property
    def _own_origins(self) -> frozenset[str]:
        """Return the origins by which browsers reach the front."""
        return frozenset((self.http, self.http.replace(HOST, "localhost")))

    def _start_fabric(self, fabric: Fabric, origins: frozenset[str]) -> dict[str, Any]:
        forward = {
            function.name: forward_url(self.lambda_, function.logical_id)
            for function in self.functions
        }
        self._cleanup.callback(fabric.stop)
        with self._naming_port(self._ports.aws, "the AWS services"):
            fabric.start(
                forward, origins | self._own_origins
            )  # the front's pages may send a file by a form
        plain = self._plain()
        fabric.wait()
        self.aws = fabric.endpoint
        self.deployment = deploy(self.aws, self.name, plain, self.template.overrides)
        if self.data is not None:
            self.restored = dict(fabric.restore())
        return plain

    def _start_engine(self) -> None:
        scheduler = ThreadScheduler()
        with scheduler.lock:  # nothing continues before all know of it
            self.engine = self._make_engine(scheduler)
            self._cleanup.callback(self.engine.close)
            self._cleanup.callback(self._engine_servers.close)
            rules = EventRules(self.deployment.rules, self.functions.invoke_async)
            self.engine.on_status_change.append(rules.on_status_change)
            self._take_machines(self.template)
        with self._naming_port(self._ports.sfn, "Step Functions"):
            server = serve_engine(self.engine, HOST, self._ports.sfn, hosts=self.hosts)
            self._engine_servers.callback(server.close)
            self.sfn = server.url
            self._calls.serve_here(server.url, server.answer)
            for address in addresses(self.hosts):
                port = self._ports.taken_by(sfn=self.sfn).sfn
                more = serve_engine(self.engine, address, port, hosts=self.hosts)
                self._engine_servers.callback(more.close)

    def _read_policies(self, plain: Mapping[str, Any]) -> None:
        """Let the functions do what their roles allow, on resources as they are called here."""
        if self.iam is None:
            return
        template = self.template.named(dict(map(_named, self.deployment.resources.items())))
        self.iam.permissions = Permissions.of(template, plain)
        if self._isolated:
            self.state.policies.write_text(self.iam.permissions.as_json(), encoding="utf-8")
            self._cleanup.enter_context(_environment({POLICIES: str(self.state.policies)}))

    def _publish(self) -> None:
        """Publish versions, unless nothing is deployed over what was before it."""
        folder = self._versions or (None if self.data is None else self.data.versions)
        if folder is None and self._reload:
            folder = self.state.versions
            shutil.rmtree(folder, ignore_errors=True)
        if folder is None:
            return
        versions = Versions(
            self.template,
            folder,
            " ".join(f"{name}={value}" for name, value in sorted(self._parameters.items())),
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
        try:
            return Engine(
                functions=self.functions,
                clock=self.clock,
                services=CachedServices(self.client),
                scheduler=scheduler,
                data_dir=None if self.data is None else self.data.engine,
                express_repeats=self._express_repeats,
                express_log=self.state.express_log,
            )
        except JournalError as error:
            raise StackError(
                f"executions cannot be read: {error}; `sfn-cqrs up --fresh` forgets them"
            ) from error

    def _take_machines(self, template: Template) -> list[str]:
        """Have the engine run the template's machines; return the names of changed ones."""
        wanted = {one.arn: one for one in template.machines.values()}
        there = {one["stateMachineArn"]: one for one in self.engine.list_state_machines()}
        changed = []
        for arn, one in wanted.items():
            if arn in there and there[arn]["type"] != one.type:  # those that run keep theirs
                self.engine.delete_state_machine(arn)
                del there[arn]
            before = self._definition(arn) if arn in there else ""
            if arn in there:
                self.engine.update_state_machine(arn, one.definition)
            else:
                self.engine.create_state_machine(one.name, one.definition, one.type)
            if before != self._definition(arn):
                changed.append(one.name)
        for arn in there.keys() - wanted.keys():
            self.engine.delete_state_machine(arn)
        return changed

    def _definition(self, arn: str) -> str:
        return str(self.engine.describe_state_machine(arn)["definition"])

    def check_template(self) -> None:
        """Refuse what the template's files are now, if it cannot be deployed.

        Raises:
            StackError, TemplateError: what is wrong, and where.
        """
        template = self._load(self.fabric)
        template.translate(without=LIVE)
        for machine in template.machines.values():
            _check(machine)

    def running_executions(self) -> int:
        """Return how many executions have not ended."""
        machines = self.engine.list_state_machines()
        running = [
            self.engine.list_executions(one["stateMachineArn"], status="RUNNING")
            for one in machines
            if one["type"] == "STANDARD"
        ]
        return sum(map(len, running))

    def reload_machines(self) -> list[str]:
        """Load changed ASL files; running executions keep their definition.

        Return the names of the changed machines. Nothing changes if one of them cannot run.

        Raises:
            TemplateError: what is wrong with which.
        """
        template = self._load(self.fabric)
        for machine in template.machines.values():
            _check(machine)
        changed = self._take_machines(template)
        self.template = template
        return changed

    def _start_deliveries(self) -> None:
        mappings: dict[str, StreamMapping] = {}
        for deployed in self.deployment.streams:
            longest = self._window_seconds
            window = deployed.window_seconds if longest is None else longest
            settings = replace(deployed, window_seconds=min(window, deployed.window_seconds))
            mapping = StreamMapping(
                settings,
                partial(self.functions.deliver, settings.function_arn),
                partial(self._give_up, settings),
            )
            mapping.start()
            self._cleanup.callback(mapping.close)
            self._streams[settings.stream_arn, settings.function_arn] = mapping
            mappings[settings.mapping] = mapping
        if self.data is not None:
            checkpoints = Checkpoints(mappings, self.fabric.streams)
            checkpoints.start()
            self._cleanup.callback(checkpoints.close)

    def _give_up(self, settings: StreamSettings, notice: str) -> None:
        """Send Lambda's notice of discarded records to the mapping's OnFailure queue."""
        logger.error("records of %s are given up: %s", settings.stream_arn, notice)
        if settings.on_failure is not None:
            sqs = self.client("sqs")
            queue = settings.on_failure.rpartition(":")[2]
            url = sqs.get_queue_url(QueueName=queue)["QueueUrl"]
            sqs.send_message(QueueUrl=url, MessageBody=notice)

    def _forward(self, function: Function, payload: bytes) -> bytes:
        """Take an event that the fabric has for a function; the answer goes back to the fabric."""
        self.functions.wait_until_ready()
        event = json.loads(payload)
        records = event.get("Records") if isinstance(event, dict) else None
        if records and records[0].get("eventSource") == "aws:dynamodb":
            stream = records[0]["eventSourceARN"]
            mapping = self._streams.get((stream, function.arn))
            if mapping is None:
                raise FunctionError("NotReady", json.dumps({"errorMessage": "still starting"}))
            mapping.offer(records)
            return b"null"
        if records and records[0].get("eventSource") == "aws:sqs":
            return self.functions.invoke_by_poller(function.target, payload)
        if isinstance(event, dict) and "detail-type" in event:
            self.functions.invoke_async(function.target, payload)
            return b"null"
        return self.functions.invoke(function.target, payload)

    @property
    def environment(self) -> dict[str, str | None]:
        """Return the environment of every function."""
        deployed = self.deployment.environment
        return {**{name: deployed[name] for name in self.template.environment}, **self._of_machine}

    @property
    def _of_machine(self) -> dict[str, str]:
        """Return the variables that this machine gives to every function, whatever is deployed."""
        return {
            **({"POSTGRES": self._dsn} if self._dsn else {}),
            **({"LIVE_ENDPOINT": self.live.url} if self.live else {}),
            **({"AWS_XRAY_DAEMON_ADDRESS": self._traces.address} if self._traces else {}),
            "AWS_ENDPOINT_URL": self.aws,
            "AWS_ENDPOINT_URL_SFN": self.sfn,
            "AWS_ENDPOINT_URL_LAMBDA": self.lambda_,
        }

    def _serve(self, port: int, what: str, handle: Handler, guard: Guard | None = None) -> str:
        """Serve on 127.0.0.1 and on the addresses among the hosts; return the first URL."""
        guard = replace(guard or Guard(), hosts=frozenset(self.hosts))
        with self._naming_port(port, what):
            first = serve(HOST, port, handle, max_body=MAX_HTTP_BODY, guard=guard)
            self._cleanup.callback(first.close)
            for address in addresses(self.hosts):
                got = int(first.url.rpartition(":")[2])
                more = serve(address, got, handle, max_body=MAX_HTTP_BODY, guard=guard)
                self._cleanup.callback(more.close)
        return first.url

    @contextmanager
    def _naming_port(self, port: int, what: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            which = f"port {port}, for {what}," if port else f"a port for {what}"
            raise StackError(
                f"{which} cannot be used ({refused(error)}): another stack may run;"
                " choose another --port, 0 takes any"
            ) from None

    def _wait_until_all_answer(self) -> None:
        for url in (self.http, self.aws, self.sfn, self.lambda_):
            try:
                with urllib.request.urlopen(url, timeout=START_SECONDS):
                    pass
            except urllib.error.HTTPError:
                continue  # an error status is also an answer
            except OSError as error:
                raise StackError(
                    f"{url} does not answer ({error}); see {self.state.stack_log}"
                ) from None


def _named(resource: tuple[str, str]) -> tuple[str, str]:
    """Return the logical id and the name of a resource, which may be told as an ARN or a URL."""
    logical_id, value = resource
    return logical_id, value.rpartition("/")[2].rpartition(":")[2]


def _import_package() -> Iterator[NotImported]:
    """Import the user's package as functions do with their first call; yield what is broken."""
    package = os.environ.get("APP_PACKAGE")
    if package:
        yield from modules_of_package(package)
        with suppress(Exception):  # broken modules are reported elsewhere
            importlib.import_module("sfn_cqrs.machines.command.handlers").load()


def _look_at_the_clock() -> None:
    """Do nothing: the job only wakes the scheduler."""


def _check(machine: Machine) -> None:
    """Refuse a definition that cannot run.

    Raises:
        TemplateError: the file, and what is wrong where.
    """
    for refusal in machine.refusals():
        raise TemplateError(refusal)


def _isolated() -> dict[str, str | None]:
    """Return the environment that keeps out the user's own AWS account and any proxy."""
    exempt = ",".join(filter(None, (os.environ.get("no_proxy"), HOST)))
    return {
        **CREDENTIALS,
        "AWS_PROFILE": None,
        "AWS_DEFAULT_PROFILE": None,
        "AWS_SESSION_TOKEN": None,
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "no_proxy": exempt,
        "NO_PROXY": exempt,
    }


@contextmanager
def _environment(changes: Mapping[str, str | None]) -> Iterator[None]:
    """Change os.environ (None removes), and let functions make their clients anew."""
    before = {name: os.environ.get(name) for name in changes}
    _change_environment(changes)
    try:
        yield
    finally:
        _change_environment(before)


def _change_environment(changes: Mapping[str, str | None]) -> None:
    for name, value in changes.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
    bootstrap = sys.modules.get("sfn_cqrs.bootstrap")
    if bootstrap is not None:
        bootstrap.reset()


class _LogHandler(logging.StreamHandler[TextIO]):
    """Writes records to the log, or loses them on a full disk."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's own name
        """Say nothing: the terminal is not a place for a traceback."""


@contextmanager
def _logging_to(log: TextIO) -> Iterator[None]:
    """Write log records of the stack and its engine only to the stack's log."""
    loggers = [logging.getLogger(name) for name in LOGGING]
    before = [(logger.level, logger.propagate) for logger in loggers]
    handler = _LogHandler(log)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s %(message)s"))
    for logger in loggers:
        logger.addHandler(handler)
        logger.setLevel(logging.INFO)
        logger.propagate = False
    try:
        yield
    finally:
        for logger, (level, propagate) in zip(loggers, before, strict=True):
            logger.removeHandler(handler)
            logger.level, logger.propagate = level, propagate
