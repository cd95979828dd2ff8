"""Wires the adapters to the deployed names: the only reader of the environment.

Clients and adapters are made when first asked for, once per process. A test puts its own
in place with `override`, and forgets everything with `reset`.
"""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial, wraps
from importlib import import_module
from threading import RLock
from typing import TYPE_CHECKING, Any, TypeVar, cast

from sfn_cqrs.kernel.aws.attributes_bucket import AttributesBucket
from sfn_cqrs.kernel.aws.tracing import Tracer
from sfn_cqrs.kernel.clock import Retention
from sfn_cqrs.kernel.errors import SqlDisabledError

if TYPE_CHECKING:
    from sfn_cqrs.api.write_bucket import WriteBudget
    from sfn_cqrs.care.audit.tables import AuditTables
    from sfn_cqrs.care.erasure.tables import ErasedTables
    from sfn_cqrs.care.live.events import LiveEvents
    from sfn_cqrs.care.repairs.table import PlanTable
    from sfn_cqrs.care.usage.table import UsageTable
    from sfn_cqrs.kernel.aws.event_bus import EventBus
    from sfn_cqrs.kernel.aws.executions import Executions
    from sfn_cqrs.kernel.aws.queue import Queue
    from sfn_cqrs.kernel.aws.topics import DeadLetters, People, Topic
    from sfn_cqrs.kernel.read_models.read_model import Generations, ReadModel
    from sfn_cqrs.kernel.read_models.rules import Problem, Segment, View, ViewKey
    from sfn_cqrs.kernel.sql.sql import Sql
    from sfn_cqrs.kernel.tables.records import Records
    from sfn_cqrs.kernel.tables.request_table import RequestTable
    from sfn_cqrs.machines.approval.link_secret import LinkSecret
    from sfn_cqrs.machines.approval.table import ApprovalTable
    from sfn_cqrs.machines.command.data_table import DataTable
    from sfn_cqrs.machines.command.erasure_table import ErasureTable
    from sfn_cqrs.machines.command.history_table import HistoryTable
    from sfn_cqrs.machines.command.process_table import ProcessTable
    from sfn_cqrs.machines.command.table import CommandTable
    from sfn_cqrs.machines.import_csv.bucket import ImportBucket
    from sfn_cqrs.machines.import_csv.budget import ImportBudget, Limits
    from sfn_cqrs.machines.import_csv.job import Job
    from sfn_cqrs.machines.import_csv.places import EveryImport, ImportQueue, Places
    from sfn_cqrs.machines.import_csv.table import ImportTable
    from sfn_cqrs.machines.rebuild.generation_rows import GenerationRows
    from sfn_cqrs.machines.saga.rules import Saga
    from sfn_cqrs.machines.task.table import TaskTable
    from sfn_cqrs.machines.workflow.wait_table import WaitTable
    from sfn_cqrs.machines.zip_orchestrator.bucket import ZipBucket
    from sfn_cqrs.machines.zip_orchestrator.table import ZipJobs

T = TypeVar("T")
Part = Callable[[], T]
_SENT_AGAIN: dict[str, Any] = {
    "retries": {"mode": "standard", "max_attempts": 4},
    "read_timeout": 10,
}
_SENT_ONCE: dict[str, Any] = {  # a statement that is slow may still take effect
    "retries": {"mode": "standard", "total_max_attempts": 1},
    "read_timeout": 50,  # the Data API ends a statement after 45
}
_SIGNS: dict[str, Any] = {  # else a form names S3's global address, which new buckets do not have
    "signature_version": "s3v4",
    "s3": {"us_east_1_regional_endpoint": "regional", "addressing_style": "virtual"},
}
_made: dict[str, Any] = {}
_lock = RLock()


def _spread(variables: str) -> None:
    """Set the variables packed in one, a line each; keep a variable that is already set."""
    given = dict(line.split("=", 1) for line in variables.splitlines())
    os.environ |= {**given, **os.environ}


_spread(os.environ.get("SFN_CQRS_ENVIRONMENT", ""))  # of a project's own functions


def _once(make: Callable[[], T]) -> Callable[[], T]:
    """Make a part on first use and keep it; `override` finds it by its name."""

    @wraps(make)
    def made() -> T:
        name = made.__name__
        if name not in _made:
            with _lock:
                if name not in _made:
                    _made[name] = make()
        return cast("T", _made[name])

    return made


def _named(parts: Mapping[str, Any]) -> None:
    """Give each part its name here, so that `override` finds it."""
    for name, part in parts.items():
        if hasattr(part, "__wrapped__"):
            part.__name__ = name


def _variable(name: str) -> Callable[[], str]:
    return lambda: os.environ[name]


def _number(name: str) -> Callable[[], int]:
    return lambda: int(os.environ[name])


def _machine(name: str) -> Callable[[], str]:
    return lambda: machine_arn(name)


def _found(path: str) -> Any:
    """Return an attribute of a module, and import the module only now."""
    module, _, name = path.partition(":")
    return getattr(import_module(f"sfn_cqrs.{module}"), name)


def _part(path: str, *parts: Callable[[], Any], **named: Callable[[], Any]) -> Any:
    """Return a part: an instance of a class, made of other parts."""
    return _once(lambda: _found(path)(*(p() for p in parts), **{n: p() for n, p in named.items()}))


def _records(path: str, table: Callable[[], str], of: str = "kernel.tables.records:Records") -> Any:
    """Return the records of one kind."""
    return _part(of, _dynamodb, table, partial(_found, path), requests=requests, now=_now)


def _executions(machine_arn: Callable[[], str], table: Callable[[], str]) -> Any:
    """Return the executions of a machine; the table that starts them names them."""
    stepfunctions = partial(_client, "stepfunctions")
    return _part("kernel.aws.executions:Executions", stepfunctions, machine_arn, table, tracer)


def reset() -> None:
    """Forget every client and adapter."""
    _made.clear()


@contextmanager
def override(**parts: object) -> Iterator[None]:
    """Replace the parts with these names for the block, such as `processes=fake`."""
    before = dict(_made)
    _made.update(parts)
    try:
        yield
    finally:
        _made.clear()
        _made.update(before)


def _client(service: str, *, signs: bool = False) -> Any:
    name = f"signer:{service}" if signs else f"client:{service}"
    if name not in _made:
        import boto3  # noqa: PLC0415 - a function that calls nothing pays nothing
        from botocore.config import Config  # noqa: PLC0415

        with _lock:
            if name not in _made:
                config = Config(
                    connect_timeout=2,
                    max_pool_connections=64,
                    **(_SENT_ONCE if service == "rds-data" else _SENT_AGAIN),
                    **(_SIGNS if signs else {}),
                )
                _made[name] = cast("Any", boto3).client(service, config=config)
                tracer().watch(_made[name])
    return _made[name]


def prepare() -> None:
    """Make DynamoDB's client while Lambda starts; elsewhere it is made on first use.

    The start has at least one whole processor. The first call has what its memory buys: at 512 MB a
    third of a processor, where the same work takes three times as long.
    """
    if "AWS_LAMBDA_INITIALIZATION_TYPE" in os.environ:
        _dynamodb()


# The settings from the environment.

stack_name = _variable("POWERTOOLS_SERVICE_NAME")
"""The name of this stack."""
stage = _variable("STAGE")
"""The stage that is deployed: dev, stg or prod."""
app_package = _variable("APP_PACKAGE")
"""The user's package."""
commands_table_name = _variable("COMMANDS_TABLE")
"""The names of these tables, as notices and executions carry them."""
tasks_table_name = _variable("TASKS_TABLE")
sagas_table_name = _variable("SAGAS_TABLE")
approvals_table_name = _variable("APPROVALS_TABLE")
import_table_name = _variable("IMPORT_TMP_TABLE")
_requests_table = _variable("REQUESTS_TABLE")
_read_models_table = _variable("READ_MODELS_TABLE")
approval_machine_arn = _machine("approval")
"""The only machine whose functions may wait for people."""
largest_upload = _number("MAX_UPLOAD_BYTES")
"""The largest file in bytes that an upload form for an import accepts."""
longest_wait = _number("MAX_WAIT_SECONDS")
"""Seconds that a request to the API may wait for a version."""


def is_published() -> bool:
    """Return whether a published version of the function runs, behind an alias, and not $LATEST."""
    return os.environ.get("AWS_LAMBDA_FUNCTION_VERSION", "").isdecimal()


def has_express_lane() -> bool:
    """Return whether commands go to the express lane; commands already in it finish either way."""
    return os.environ.get("EXPRESS_LANE") == "enabled"


def has_sql() -> bool:
    """Return whether this stack has PostgreSQL; use it as `when=has_sql` of a handler."""
    return bool(_postgres())


def has_event_bus() -> bool:
    """Return whether notices also go to an event bus."""
    return bool(os.environ.get("EVENT_BUS"))


def machine_arn(name: str) -> str:
    """Return the ARN of another machine of this stack by its file's name, such as `offer-saga`."""
    return f"{os.environ['MACHINES']}{name}"


def operators_arn() -> str:
    """Return the prefix of the ARNs of callers who have assumed the operators' role.

    Without a role it ends with two slashes, which no ARN has.
    """
    machines = os.environ["MACHINES"]
    _, partition, _, _, account, *_ = machines.split(":")
    return f"arn:{partition}:sts::{account}:assumed-role/{os.environ['OPERATOR_ROLE']}/"


def _postgres() -> str:
    """Return a DSN, `secret:ARN` of one, or `data-api:CLUSTER|SECRET|DATABASE`; empty: none."""
    return os.environ.get("POSTGRES", "")


def command_ttl() -> Retention:
    """Return how long commands are kept that no later version needs."""
    return Retention.parse(os.environ.get("COMMAND_TTL_DAYS", ""))


def history_ttl() -> Retention:
    """Return how long earlier rows are kept."""
    return Retention.parse(os.environ.get("HISTORY_TTL_DAYS", ""))


def _task_ttl() -> Retention:
    return Retention.parse(os.environ.get("TASK_TTL_DAYS", ""))


def _audited() -> dict[str, str]:
    return {
        "commands": os.environ["COMMANDS_TABLE"],
        "data": os.environ["DATA_TABLE"],
        "history": os.environ["HISTORY_TABLE"],
        "imports": os.environ["IMPORT_TMP_TABLE"],
        "tasks": os.environ["TASKS_TABLE"],
        "sagas": os.environ["SAGAS_TABLE"],
        "approvals": os.environ["APPROVALS_TABLE"],
    }


def _erased_from() -> dict[str, str]:
    return {
        **_audited(),
        "read_models": _read_models_table(),
        "requests": _requests_table(),
    }


# Time and traces.


@_once
def clock() -> Callable[[], datetime]:
    """Return the source of the current time."""
    return lambda: datetime.now(UTC)


def now() -> datetime:
    """Return the current time, in UTC."""
    return clock()()


def _now() -> Callable[[], datetime]:
    return now


@_once
def tracer() -> Tracer:
    """Return the tracer, which records calls and handlers within the invocation's trace."""
    daemon = os.environ.get("AWS_XRAY_DAEMON_ADDRESS", "")
    return Tracer(daemon, lambda: os.environ.get("_X_AMZN_TRACE_ID", ""))


def trace() -> str:
    """Return the running code's place in a trace, to pass on; empty outside of a trace."""
    here = tracer().here()
    return here.header if here else ""


# The parts, each made of a class and its arguments.

_dynamodb, _s3 = partial(_client, "dynamodb"), partial(_client, "s3")
_sns, _sqs = partial(_client, "sns"), partial(_client, "sqs")

at_once: "Part[Callable[[Callable[[Any], Any], Iterable[Any]], list[Any]]]" = _once(
    partial(_found, "kernel.aws.threads:at_once")
)
"""Runs work on several things at a time, on threads."""


@_once
def attributes() -> AttributesBucket:
    """Return the store of large attributes; S3's client is made when the first one is met."""
    return AttributesBucket(_s3, os.environ["ATTRIBUTES_BUCKET"])


requests: "Part[RequestTable]" = _part(
    "kernel.tables.request_table:RequestTable", _dynamodb, _requests_table, _now
)
"""The answers to idempotent requests."""
processes: "Part[ProcessTable]" = _part(
    "machines.command.process_table:ProcessTable", _dynamodb, commands_table_name, _now, command_ttl
)
"""The process items."""
commands: "Part[CommandTable]" = _part(
    "machines.command.table:CommandTable",
    _dynamodb,
    commands_table_name,
    data_table=_variable("DATA_TABLE"),
    history_table=_variable("HISTORY_TABLE"),
    requests=requests,
    attributes=attributes,
    now=_now,
    retention=command_ttl,
)
"""The commands."""
erasures: "Part[ErasureTable]" = _records(
    "machines.command.erasure_table:ERASURES",
    commands_table_name,
    "machines.command.erasure_table:ErasureTable",
)
"""The erasures of people: later versions are stored without their personal fields."""
data: "Part[DataTable]" = _part(
    "machines.command.data_table:DataTable", _dynamodb, _variable("DATA_TABLE"), attributes
)
"""The current rows."""
history: "Part[HistoryTable]" = _part(
    "machines.command.history_table:HistoryTable",
    _dynamodb,
    _variable("HISTORY_TABLE"),
    attributes,
    _now,
    history_ttl,
)
"""The earlier rows."""
audit_tables: "Part[AuditTables]" = _part(
    "care.audit.tables:AuditTables", _dynamodb, _audited, _now
)
"""The tables as an audit reads them."""
erased_tables: "Part[ErasedTables]" = _part(
    "care.erasure.tables:ErasedTables", _dynamodb, _erased_from, _now
)
"""The tables as an erasure reads and changes them."""
plans: "Part[PlanTable]" = _part("care.repairs.table:PlanTable", _dynamodb, _requests_table, _now)
"""The plans of repairs, as they are listed."""
usage: "Part[UsageTable]" = _part("care.usage.table:UsageTable", _dynamodb, _requests_table, _now)
"""The usage of tenants, counted by parts of the tables."""
waits: "Part[WaitTable]" = _part(
    "machines.workflow.wait_table:WaitTable", _dynamodb, _requests_table, _now
)
"""The task tokens of executions that wait for an outside answer."""
executions: "Part[Executions]" = _executions(_machine("command"), commands_table_name)
"""The command machine."""
express_executions: "Part[Executions]" = _executions(
    _machine("command-express"), commands_table_name
)
"""The command machine of the express lane."""


@_once
def write_budget() -> "WriteBudget":
    """Return the write budgets of tenants."""
    from sfn_cqrs.api.write_bucket import BUCKETS, WriteBudget  # noqa: PLC0415
    from sfn_cqrs.api.write_rate import Rate  # noqa: PLC0415
    from sfn_cqrs.kernel.tables.records import Records  # noqa: PLC0415

    rate = Rate(float(os.environ["TENANT_WRITE_RATE"]), int(os.environ["TENANT_WRITE_BURST"]))
    given: dict[str, Any] = {"requests": requests(), "now": now}
    return WriteBudget(Records(_dynamodb(), _requests_table(), BUCKETS, **given), rate, now)


import_jobs: "Part[Records[Job]]" = _records("machines.import_csv.items:IMPORTS", import_table_name)
"""The import jobs."""
import_budgets: "Part[Records[ImportBudget]]" = _records(
    "machines.import_csv.items:IMPORT_BUDGETS", import_table_name
)
"""The tenants' import budgets."""
import_limits: "Part[Limits]" = _part(
    "machines.import_csv.budget:Limits",
    jobs=_number("TENANT_OPEN_IMPORTS"),
    size=_number("TENANT_OPEN_BYTES"),
    rows=_number("TENANT_OPEN_ROWS"),
)
"""The limits of one tenant's imports."""
import_queue: "Part[Records[ImportQueue]]" = _records(
    "machines.import_csv.items:IMPORT_QUEUE", import_table_name
)
"""The running and the waiting imports."""
import_places: "Part[Places]" = _part(
    "machines.import_csv.places:Places",
    tenant=_number("TENANT_RUNNING_IMPORTS"),
    all=_number("RUNNING_IMPORTS"),
    batches=_number("IMPORT_BATCHES"),
    rows=_number("IMPORT_BATCH_ROWS"),
)
"""How many imports run at a time."""
imports: "Part[ImportTable]" = _part(
    "machines.import_csv.table:ImportTable", _dynamodb, import_table_name, _now
)
"""The jobs' records of their batches."""
import_bucket: "Part[ImportBucket]" = _part(
    "machines.import_csv.bucket:ImportBucket",
    _s3,
    _variable("IMPORT_BUCKET"),
    lambda: partial(_client, "s3", signs=True),
)
"""The files of imports. The signing client is made when the first signature is needed."""
import_executions: "Part[Executions]" = _executions(_machine("import-csv"), import_table_name)
"""The import machine."""
zip_jobs: "Part[ZipJobs]" = _records(
    "machines.zip_orchestrator.items:ZIPS",
    import_table_name,
    "machines.zip_orchestrator.table:ZipJobs",
)
"""The imports of ZIP archives."""
zip_bucket: "Part[ZipBucket]" = _part(
    "machines.zip_orchestrator.bucket:ZipBucket", _s3, _variable("IMPORT_BUCKET")
)
"""The archives and their files."""
zip_executions: "Part[Executions]" = _executions(_machine("zip-orchestrator"), import_table_name)
"""The machine of ZIP archives."""
every_import: "Part[EveryImport]" = _part("machines.zip_orchestrator.both_kinds:BothKinds")
"""The imports of files and of archives together."""

tasks: "Part[TaskTable]" = _part(
    "machines.task.table:TaskTable",
    _dynamodb,
    tasks_table_name,
    requests=requests,
    attributes=attributes,
    now=_now,
    retention=_task_ttl,
)
"""The tasks and their items."""
task_executions: "Part[Executions]" = _executions(_machine("task"), tasks_table_name)
"""The task machine."""
sagas: "Part[Records[Saga]]" = _records("machines.saga.items:SAGAS", sagas_table_name)
"""The sagas and their logs."""


@_once
def saga_machines() -> "dict[str, Executions]":
    """Return the machines of the sagas that were asked for."""
    return {}


def saga_executions(saga: str) -> "Executions":
    """Return the machine of one saga, which has the saga's name."""
    known = saga_machines()
    if saga not in known:
        kind, client = _found("kernel.aws.executions:Executions"), _client("stepfunctions")
        known[saga] = kind(client, machine_arn(saga), sagas_table_name(), tracer())
    return known[saga]


approvals: "Part[ApprovalTable]" = _records(
    "machines.approval.items:APPROVALS",
    approvals_table_name,
    "machines.approval.table:ApprovalTable",
)
"""The approvals."""
approval_executions: "Part[Executions]" = _executions(approval_machine_arn, approvals_table_name)
"""The approval machine."""


@_once
def link_secret() -> "LinkSecret":
    """Return the secret that signs approval links, if they are on."""
    from sfn_cqrs.machines.approval.link_secret import LinkSecret  # noqa: PLC0415

    name = os.environ.get("APPROVAL_LINK_SECRET", "")
    return LinkSecret(lambda: _client("secretsmanager"), name)


events: "Part[Topic]" = _part("kernel.aws.topics:Topic", _sns, _variable("EVENTS_TOPIC_ARN"))
"""The topic of status notices."""
event_bus: "Part[EventBus]" = _part(
    "kernel.aws.event_bus:EventBus", partial(_client, "events"), _variable("EVENT_BUS"), stack_name
)
"""The event bus for other systems, if the stack has one."""
failures: "Part[Topic]" = _part("kernel.aws.topics:Topic", _sns, _variable("FAILURE_TOPIC_ARN"))
"""The topic of failures."""
information: "Part[People]" = _part(
    "kernel.aws.topics:People", _sns, _variable("INFORMATION_TOPIC_ARN")
)
"""The topic of messages to people."""
dead_letters: "Part[DeadLetters]" = _part(
    "kernel.aws.topics:DeadLetters", _sqs, _variable("STREAM_DEAD_LETTER_QUEUE_URL")
)
"""The queue of stream records that could not be processed."""
notifications: "Part[Queue]" = _part(
    "kernel.aws.queue:Queue", _sqs, _variable("NOTIFICATION_QUEUE_URL")
)
"""The queue of notices for the user's package."""
task_actions: "Part[Queue]" = _part(
    "kernel.aws.queue:Queue", _sqs, _variable("TASK_ACTION_QUEUE_URL")
)
"""The queue of tasks to start."""
import_actions: "Part[Queue]" = _part(
    "kernel.aws.queue:Queue", _sqs, _variable("IMPORT_ACTION_QUEUE_URL")
)
"""The queue of single rows to import."""


@_once
def live_events() -> "LiveEvents":
    """Return the channels of live updates, if the stack has them."""
    import boto3  # noqa: PLC0415 - a function that calls nothing pays nothing

    from sfn_cqrs.care.live.events import LiveEvents  # noqa: PLC0415

    session = cast("Any", boto3).session.Session()
    return LiveEvents(session, os.environ["LIVE_ENDPOINT"], at_once())


@_once
def read_models() -> "Callable[..., ReadModel]":
    """Return a function that makes a view of the table of read models, by name and bucket count."""
    from sfn_cqrs.kernel.read_models.read_model import ReadModel  # noqa: PLC0415

    return partial(ReadModel, _dynamodb(), _read_models_table(), generation=generations().of)


views: "Part[Records[View]]" = _records("kernel.read_models.items:VIEWS", _read_models_table)
"""The generations of the read models that were ever rebuilt."""
segments: "Part[Records[Segment]]" = _records(
    "kernel.read_models.items:SEGMENTS", _read_models_table
)
"""The progress of rebuilds."""
problems: "Part[Records[Problem]]" = _records(
    "kernel.read_models.items:PROBLEMS", _read_models_table
)
"""The problems that rebuilds found."""
generations: "Part[Generations]" = _part(
    "kernel.read_models.read_model:Generations",
    views,
    lambda: timedelta(seconds=int(os.environ["GENERATIONS_KNOWN_SECONDS"])),
    _now,
)
"""The generations of each read model that are read and written."""
rebuild_executions: "Part[Executions]" = _executions(_machine("rebuild"), _read_models_table)
"""The machine of rebuilds."""


@_once
def generation_rows() -> "Callable[[ViewKey], GenerationRows]":
    """Return a function that makes the reader of all rows of a read model in DynamoDB."""
    from sfn_cqrs.machines.rebuild.generation_rows import GenerationRows  # noqa: PLC0415

    return partial(GenerationRows, _dynamodb(), _read_models_table())


def our_tasks() -> str:
    """Import the framework's own type of task, which registers itself, and return its name."""
    name: str = _found("care.repairs.work:REPAIR")
    return name


def generation(table: str, tenant: str) -> int:
    """Return the generation of a PostgreSQL table to read, or to write in a handler."""
    return generations().of(tenant, table)


def read_model(view: str, *, buckets: int = 1) -> "ReadModel":
    """Return one view of the table of read models.

    `buckets` spreads each partition: 16 buckets take sixteen thousand writes a second. The number
    of a view never changes, and every place that names the view uses the same number.
    """
    from sfn_cqrs.kernel.read_models import row_models  # noqa: PLC0415

    found, typed = read_models()(view, buckets=buckets), row_models.find(view)
    return found.checking(typed.check) if typed else found


@_once
def sql() -> "Sql":
    """Return PostgreSQL, as another read model.

    Raises:
        SqlDisabledError: the stack has none.
    """
    where = _postgres()
    if not where:
        raise SqlDisabledError("this stack has no PostgreSQL")
    from sfn_cqrs.kernel.sql import failure_metrics as sql_failures  # noqa: PLC0415
    from sfn_cqrs.kernel.sql.connections import sql_at  # noqa: PLC0415

    found = sql_at(where, _client)
    found.is_migrated_later = where.startswith(("data-api:", "secret:"))  # `up` migrates first
    if "POWERTOOLS_METRICS_NAMESPACE" in os.environ:  # not in a script, whose output is its own
        found.on_failure = sql_failures.tell
    return found


_named(globals())
