"""Wires the adapters to the deployed names: the only reader of the environment.

Clients and adapters are made when first asked for, once per process. A test puts its own
in place with `override`, and forgets everything with `reset`.
"""

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial, wraps
from threading import RLock
from typing import TYPE_CHECKING, Any, TypeVar, cast

from sfn_cqrs.adapters.attributes_bucket import AttributesBucket
from sfn_cqrs.adapters.tracing import Tracer
from sfn_cqrs.domain.errors import SqlDisabledError
from sfn_cqrs.domain.retention import Retention

if TYPE_CHECKING:
    from sfn_cqrs.adapters.approval_table import ApprovalTable
    from sfn_cqrs.adapters.command_table import CommandTable
    from sfn_cqrs.adapters.data_table import DataTable
    from sfn_cqrs.adapters.executions import Executions
    from sfn_cqrs.adapters.generation_rows import GenerationRows
    from sfn_cqrs.adapters.generations import Generations
    from sfn_cqrs.adapters.history_table import HistoryTable
    from sfn_cqrs.adapters.import_bucket import ImportBucket
    from sfn_cqrs.adapters.import_table import ImportTable
    from sfn_cqrs.adapters.link_secret import LinkSecret
    from sfn_cqrs.adapters.live_events import LiveEvents
    from sfn_cqrs.adapters.process_table import ProcessTable
    from sfn_cqrs.adapters.queue import Queue
    from sfn_cqrs.adapters.read_model import ReadModel
    from sfn_cqrs.adapters.records import Kind, Records
    from sfn_cqrs.adapters.request_table import RequestTable
    from sfn_cqrs.adapters.sql import Sql
    from sfn_cqrs.adapters.task_table import TaskTable
    from sfn_cqrs.adapters.topics import DeadLetters, People, Topic
    from sfn_cqrs.adapters.wait_table import WaitTable
    from sfn_cqrs.adapters.write_bucket import WriteBudget
    from sfn_cqrs.adapters.zip_bucket import ZipBucket
    from sfn_cqrs.adapters.zip_jobs import ZipJobs
    from sfn_cqrs.domain.import_budget import ImportBudget, Limits
    from sfn_cqrs.domain.import_job import Job
    from sfn_cqrs.domain.import_queue import ImportQueue, Places
    from sfn_cqrs.domain.read_models import Problem, Segment, View, ViewKey
    from sfn_cqrs.domain.records import Record
    from sfn_cqrs.domain.saga import Saga

    R = TypeVar("R", bound=Record)

T = TypeVar("T")
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
    """Set variables that came as one, a line each; one that is set already stays."""
    given = dict(line.split("=", 1) for line in variables.splitlines())
    os.environ |= {**given, **os.environ}


_spread(os.environ.get("SFN_CQRS_ENVIRONMENT", ""))  # of a project's own functions


def _once(make: Callable[[], T]) -> Callable[[], T]:
    name = make.__name__

    @wraps(make)
    def made() -> T:
        if name not in _made:
            with _lock:
                if name not in _made:
                    _made[name] = make()
        return cast("T", _made[name])

    return made


def reset() -> None:
    """Forget every client and adapter."""
    _made.clear()


@contextmanager
def override(**parts: object) -> Iterator[None]:
    """Put other parts in the place of those with these names, such as `processes=fake`."""
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
    """Make DynamoDB's client while Lambda starts; anywhere else it is made when it is asked for.

    The start has a whole processor or more, the first call what its memory buys: at 512 MB
    a third of one, where the same work takes three times as long.
    """
    if "AWS_LAMBDA_INITIALIZATION_TYPE" in os.environ:
        _client("dynamodb")


@_once
def clock() -> Callable[[], datetime]:
    """The source of the current time."""
    return lambda: datetime.now(UTC)


def now() -> datetime:
    """The current time, in UTC."""
    return clock()()


@_once
def tracer() -> Tracer:
    """What tells of calls and handlers, within the trace of the invocation."""
    daemon = os.environ.get("AWS_XRAY_DAEMON_ADDRESS", "")
    return Tracer(daemon, lambda: os.environ.get("_X_AMZN_TRACE_ID", ""))


def trace() -> str:
    """Where the running code is in a trace, for whoever goes on elsewhere; empty: in none."""
    here = tracer().here()
    return here.header if here else ""


@_once
def at_once() -> "Callable[[Callable[[Any], Any], Iterable[Any]], list[Any]]":
    """How work on several things is done: on threads."""
    from sfn_cqrs.adapters.threads import at_once  # noqa: PLC0415

    return at_once


@_once
def processes() -> "ProcessTable":
    """The process items."""
    from sfn_cqrs.adapters.process_table import ProcessTable  # noqa: PLC0415

    return ProcessTable(_client("dynamodb"), os.environ["COMMANDS_TABLE"], now, _command_ttl())


@_once
def commands() -> "CommandTable":
    """The commands."""
    from sfn_cqrs.adapters.command_table import CommandTable  # noqa: PLC0415

    return CommandTable(
        _client("dynamodb"),
        os.environ["COMMANDS_TABLE"],
        data_table=os.environ["DATA_TABLE"],
        history_table=os.environ["HISTORY_TABLE"],
        requests=requests(),
        attributes=attributes(),
        now=now,
        retention=_command_ttl(),
    )


@_once
def data() -> "DataTable":
    """The current rows."""
    from sfn_cqrs.adapters.data_table import DataTable  # noqa: PLC0415

    return DataTable(_client("dynamodb"), os.environ["DATA_TABLE"], attributes())


@_once
def history() -> "HistoryTable":
    """The earlier rows."""
    from sfn_cqrs.adapters.history_table import HistoryTable  # noqa: PLC0415

    retention = Retention.parse(os.environ.get("HISTORY_TTL_DAYS", ""))
    table = os.environ["HISTORY_TABLE"]
    return HistoryTable(_client("dynamodb"), table, attributes(), now, retention)


@_once
def requests() -> "RequestTable":
    """The answers to idempotent requests."""
    from sfn_cqrs.adapters.request_table import RequestTable  # noqa: PLC0415

    return RequestTable(_client("dynamodb"), os.environ["REQUESTS_TABLE"], now)


@_once
def write_budget() -> "WriteBudget":
    """What tenants may write at a time."""
    from sfn_cqrs.adapters.records import Records  # noqa: PLC0415
    from sfn_cqrs.adapters.write_bucket import BUCKETS, WriteBudget  # noqa: PLC0415
    from sfn_cqrs.domain.write_rate import Rate  # noqa: PLC0415

    rate = Rate(float(os.environ["TENANT_WRITE_RATE"]), int(os.environ["TENANT_WRITE_BURST"]))
    table = os.environ["REQUESTS_TABLE"]
    buckets = Records(_client("dynamodb"), table, BUCKETS, requests=requests(), now=now)
    return WriteBudget(buckets, rate, now)


@_once
def waits() -> "WaitTable":
    """The tokens of executions that wait for somebody outside."""
    from sfn_cqrs.adapters.wait_table import WaitTable  # noqa: PLC0415

    return WaitTable(_client("dynamodb"), os.environ["REQUESTS_TABLE"], now)


@_once
def attributes() -> AttributesBucket:
    """The large attributes; S3's client is made when one is met."""
    return AttributesBucket(lambda: _client("s3"), os.environ["ATTRIBUTES_BUCKET"])


@_once
def import_jobs() -> "Records[Job]":
    """The import jobs."""
    from sfn_cqrs.adapters.import_items import IMPORTS  # noqa: PLC0415
    from sfn_cqrs.adapters.records import Records  # noqa: PLC0415

    table = os.environ["IMPORT_TMP_TABLE"]
    return Records(_client("dynamodb"), table, IMPORTS, requests=requests(), now=now)


@_once
def import_budgets() -> "Records[ImportBudget]":
    """What tenants' imports take at a time."""
    from sfn_cqrs.adapters.import_budget import IMPORT_BUDGETS  # noqa: PLC0415
    from sfn_cqrs.adapters.records import Records  # noqa: PLC0415

    table = os.environ["IMPORT_TMP_TABLE"]
    return Records(_client("dynamodb"), table, IMPORT_BUDGETS, requests=requests(), now=now)


@_once
def import_limits() -> "Limits":
    """What a tenant's imports may take at a time."""
    from sfn_cqrs.domain.import_budget import Limits  # noqa: PLC0415

    return Limits(
        jobs=int(os.environ["TENANT_OPEN_IMPORTS"]),
        size=int(os.environ["TENANT_OPEN_BYTES"]),
        rows=int(os.environ["TENANT_OPEN_ROWS"]),
    )


@_once
def import_queue() -> "Records[ImportQueue]":
    """Which imports run, and who waits."""
    from sfn_cqrs.adapters.import_queue import IMPORT_QUEUE  # noqa: PLC0415
    from sfn_cqrs.adapters.records import Records  # noqa: PLC0415

    table = os.environ["IMPORT_TMP_TABLE"]
    return Records(_client("dynamodb"), table, IMPORT_QUEUE, requests=requests(), now=now)


@_once
def import_places() -> "Places":
    """How many imports run at a time."""
    from sfn_cqrs.domain.import_queue import Places  # noqa: PLC0415

    return Places(
        tenant=int(os.environ["TENANT_RUNNING_IMPORTS"]),
        all=int(os.environ["RUNNING_IMPORTS"]),
        batches=int(os.environ["IMPORT_BATCHES"]),
        rows=int(os.environ["IMPORT_BATCH_ROWS"]),
    )


@_once
def imports() -> "ImportTable":
    """What jobs keep of their batches."""
    from sfn_cqrs.adapters.import_table import ImportTable  # noqa: PLC0415

    return ImportTable(_client("dynamodb"), os.environ["IMPORT_TMP_TABLE"], now)


@_once
def import_bucket() -> "ImportBucket":
    """The files of imports; what signs is made when something is to be signed."""
    from sfn_cqrs.adapters.import_bucket import ImportBucket  # noqa: PLC0415

    signer = partial(_client, "s3", signs=True)
    return ImportBucket(_client("s3"), os.environ["IMPORT_BUCKET"], signer)


@_once
def zip_jobs() -> "ZipJobs":
    """The imports of ZIP archives."""
    from sfn_cqrs.adapters.zip_jobs import ZipJobs  # noqa: PLC0415

    table = os.environ["IMPORT_TMP_TABLE"]
    return ZipJobs(_client("dynamodb"), table, requests=requests(), now=now)


@_once
def zip_bucket() -> "ZipBucket":
    """The archives and their files."""
    from sfn_cqrs.adapters.zip_bucket import ZipBucket  # noqa: PLC0415

    return ZipBucket(_client("s3"), os.environ["IMPORT_BUCKET"])


@_once
def zip_executions() -> "Executions":
    """The machine of ZIP archives."""
    return _executions(os.environ["ZIP_ORCHESTRATOR_MACHINE_ARN"], os.environ["IMPORT_TMP_TABLE"])


@_once
def import_executions() -> "Executions":
    """The import machine."""
    return _executions(os.environ["IMPORT_CSV_MACHINE_ARN"], os.environ["IMPORT_TMP_TABLE"])


@_once
def executions() -> "Executions":
    """The command machine."""
    return _executions(os.environ["COMMAND_MACHINE_ARN"], os.environ["COMMANDS_TABLE"])


@_once
def express_executions() -> "Executions":
    """The command machine of the express lane."""
    return _executions(os.environ["COMMAND_EXPRESS_MACHINE_ARN"], os.environ["COMMANDS_TABLE"])


@_once
def tasks() -> "TaskTable":
    """The tasks and their items."""
    from sfn_cqrs.adapters.task_table import TaskTable  # noqa: PLC0415

    return TaskTable(
        _client("dynamodb"),
        os.environ["TASKS_TABLE"],
        requests=requests(),
        attributes=attributes(),
        now=now,
        retention=Retention.parse(os.environ.get("TASK_TTL_DAYS", "")),
    )


@_once
def task_executions() -> "Executions":
    """The task machine."""
    return _executions(os.environ["TASK_MACHINE_ARN"], os.environ["TASKS_TABLE"])


@_once
def sagas() -> "Records[Saga]":
    """The sagas and their logs."""
    from sfn_cqrs.adapters.records import Records  # noqa: PLC0415
    from sfn_cqrs.adapters.saga_items import SAGAS  # noqa: PLC0415

    table = os.environ["SAGAS_TABLE"]
    return Records(_client("dynamodb"), table, SAGAS, requests=requests(), now=now)


@_once
def saga_machines() -> "dict[str, Executions]":
    """The machines of the sagas that were asked for."""
    return {}


def saga_executions(saga: str) -> "Executions":
    """The machine of one saga, which has the saga's name."""
    known = saga_machines()
    if saga not in known:
        known[saga] = _executions(machine_arn(saga), os.environ["SAGAS_TABLE"])
    return known[saga]


@_once
def approvals() -> "ApprovalTable":
    """The approvals."""
    from sfn_cqrs.adapters.approval_table import ApprovalTable  # noqa: PLC0415

    table = os.environ["APPROVALS_TABLE"]
    return ApprovalTable(_client("dynamodb"), table, requests=requests(), now=now)


@_once
def link_secret() -> "LinkSecret":
    """The secret that signs approval links, if they are on."""
    from sfn_cqrs.adapters.link_secret import LinkSecret  # noqa: PLC0415

    name = os.environ.get("APPROVAL_LINK_SECRET", "")
    return LinkSecret(lambda: _client("secretsmanager"), name)


@_once
def approval_executions() -> "Executions":
    """The approval machine."""
    return _executions(approval_machine_arn(), os.environ["APPROVALS_TABLE"])


@_once
def events() -> "Topic":
    """The topic of status notices."""
    from sfn_cqrs.adapters.topics import Topic  # noqa: PLC0415

    return Topic(_client("sns"), os.environ["EVENTS_TOPIC_ARN"])


@_once
def failures() -> "Topic":
    """The topic of what has failed."""
    from sfn_cqrs.adapters.topics import Topic  # noqa: PLC0415

    return Topic(_client("sns"), os.environ["FAILURE_TOPIC_ARN"])


@_once
def information() -> "People":
    """The topic that people listen to."""
    from sfn_cqrs.adapters.topics import People  # noqa: PLC0415

    return People(_client("sns"), os.environ["INFORMATION_TOPIC_ARN"])


@_once
def dead_letters() -> "DeadLetters":
    """The queue of stream records that nobody could process."""
    from sfn_cqrs.adapters.topics import DeadLetters  # noqa: PLC0415

    return DeadLetters(_client("sqs"), os.environ["STREAM_DEAD_LETTER_QUEUE_URL"])


@_once
def live_events() -> "LiveEvents":
    """The channels of live updates, if the stack has them."""
    import boto3  # noqa: PLC0415 - a function that calls nothing pays nothing

    from sfn_cqrs.adapters.live_events import LiveEvents  # noqa: PLC0415

    session = cast("Any", boto3).session.Session()
    return LiveEvents(session, os.environ["LIVE_ENDPOINT"], at_once())


@_once
def notifications() -> "Queue":
    """The queue of notices for the user's package."""
    return _queue(os.environ["NOTIFICATION_QUEUE_URL"])


@_once
def task_actions() -> "Queue":
    """The queue of tasks to start."""
    return _queue(os.environ["TASK_ACTION_QUEUE_URL"])


@_once
def import_actions() -> "Queue":
    """The queue of single rows to import."""
    return _queue(os.environ["IMPORT_ACTION_QUEUE_URL"])


@_once
def read_models() -> "Callable[..., ReadModel]":
    """Makes a view of the table of read models, by its name and its number of buckets."""
    from sfn_cqrs.adapters.read_model import ReadModel  # noqa: PLC0415

    table, generation = os.environ["READ_MODELS_TABLE"], generations().of
    return partial(ReadModel, _client("dynamodb"), table, generation=generation)


@_once
def views() -> "Records[View]":
    """The generations of the read models that were ever rebuilt."""
    from sfn_cqrs.adapters.generation_items import VIEWS  # noqa: PLC0415

    return _read_model_records(VIEWS)


@_once
def segments() -> "Records[Segment]":
    """How far rebuilds are."""
    from sfn_cqrs.adapters.generation_items import SEGMENTS  # noqa: PLC0415

    return _read_model_records(SEGMENTS)


@_once
def problems() -> "Records[Problem]":
    """What went wrong in rebuilds."""
    from sfn_cqrs.adapters.generation_items import PROBLEMS  # noqa: PLC0415

    return _read_model_records(PROBLEMS)


@_once
def generations() -> "Generations":
    """Which generation of each read model is read and written."""
    from sfn_cqrs.adapters.generations import Generations  # noqa: PLC0415

    known_for = timedelta(seconds=int(os.environ["GENERATIONS_KNOWN_SECONDS"]))
    return Generations(views(), known_for, now)


def generation(table: str, tenant: str) -> int:
    """The generation of a table of PostgreSQL that is read, or that a handler is to write."""
    return generations().of(tenant, table)


@_once
def generation_rows() -> "Callable[[ViewKey], GenerationRows]":
    """Makes what reads all rows of a read model in DynamoDB."""
    from sfn_cqrs.adapters.generation_rows import GenerationRows  # noqa: PLC0415

    return partial(GenerationRows, _client("dynamodb"), os.environ["READ_MODELS_TABLE"])


@_once
def rebuild_executions() -> "Executions":
    """The machine of rebuilds."""
    return _executions(os.environ["REBUILD_MACHINE_ARN"], os.environ["READ_MODELS_TABLE"])


def read_model(view: str, *, buckets: int = 1) -> "ReadModel":
    """One view of the table of read models.

    `buckets` spreads each of its partitions: 16 take sixteen thousand writes a second. A view
    has the same number for ever, wherever it is named.
    """
    return read_models()(view, buckets=buckets)


def has_sql() -> bool:
    """Whether this stack has PostgreSQL; a handler that needs it says `when=bootstrap.has_sql`."""
    return bool(_postgres())


@_once
def sql() -> "Sql":
    """PostgreSQL, as another read model.

    Raises:
        SqlDisabledError: the stack has none.
    """
    where = _postgres()
    if not where:
        raise SqlDisabledError("this stack has no PostgreSQL")
    from sfn_cqrs.adapters import sql_failures  # noqa: PLC0415
    from sfn_cqrs.adapters.sql_ways import sql_at  # noqa: PLC0415

    found = sql_at(where, _client)
    found.is_migrated_later = where.startswith(("data-api:", "secret:"))  # `up` migrates first
    if "POWERTOOLS_METRICS_NAMESPACE" in os.environ:  # not in a script, whose output is its own
        found.on_failure = sql_failures.tell
    return found


def is_published() -> bool:
    """Tell whether a version of the function runs, behind an alias, and not its latest code."""
    return os.environ.get("AWS_LAMBDA_FUNCTION_VERSION", "").isdecimal()


def stack_name() -> str:
    """The name of this stack."""
    return os.environ["POWERTOOLS_SERVICE_NAME"]


def machine_arn(name: str) -> str:
    """The ARN of another machine of this stack, such as `order-saga`, by its file's name."""
    return f"{os.environ['COMMAND_MACHINE_ARN'].removesuffix('-command')}-{name}"


def commands_table_name() -> str:
    """The table's name as notices carry it."""
    return os.environ["COMMANDS_TABLE"]


def tasks_table_name() -> str:
    """The table's name as notices and executions carry it."""
    return os.environ["TASKS_TABLE"]


def sagas_table_name() -> str:
    """The table's name as notices and executions carry it."""
    return os.environ["SAGAS_TABLE"]


def approvals_table_name() -> str:
    """The table's name as notices and executions carry it."""
    return os.environ["APPROVALS_TABLE"]


def operators_arn() -> str:
    """Return the prefix of the ARNs of callers who have assumed the operators' role.

    Without a role it ends with two slashes, which no ARN has.
    """
    return os.environ["OPERATORS_ARN"]


def approval_machine_arn() -> str:
    """The machine that alone may have its functions wait for people."""
    return os.environ["APPROVAL_MACHINE_ARN"]


def stage() -> str:
    """The stage that is deployed: dev, stg or prod."""
    return os.environ["STAGE"]


def import_table_name() -> str:
    """The table's name as notices and executions carry it."""
    return os.environ["IMPORT_TMP_TABLE"]


def app_package() -> str:
    """The user's package."""
    return os.environ["APP_PACKAGE"]


def largest_upload() -> int:
    """Bytes of a file that a form for an import takes."""
    return int(os.environ["MAX_UPLOAD_BYTES"])


def has_express_lane() -> bool:
    """Whether commands are published to the express lane; what is in it goes on either way."""
    return os.environ.get("EXPRESS_LANE") == "enabled"


def longest_wait() -> int:
    """Seconds that a request to the API may wait for a version."""
    return int(os.environ["MAX_WAIT_SECONDS"])


def _postgres() -> str:
    """A DSN, `secret:ARN` of one, or `data-api:CLUSTER|SECRET|DATABASE`; empty: none."""
    return os.environ.get("POSTGRES", "")


def _executions(machine_arn: str, table: str) -> "Executions":
    from sfn_cqrs.adapters.executions import Executions  # noqa: PLC0415

    return Executions(_client("stepfunctions"), machine_arn, table, tracer())


def _read_model_records(kind: "Kind[R]") -> "Records[R]":
    from sfn_cqrs.adapters.records import Records  # noqa: PLC0415

    table = os.environ["READ_MODELS_TABLE"]
    return Records(_client("dynamodb"), table, kind, requests=requests(), now=now)


def _queue(url: str) -> "Queue":
    from sfn_cqrs.adapters.queue import Queue  # noqa: PLC0415

    return Queue(_client("sqs"), url)


def _command_ttl() -> Retention:
    return Retention.parse(os.environ.get("COMMAND_TTL_DAYS", ""))
