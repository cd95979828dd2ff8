from datetime import timedelta
from typing import Any, cast

from sfn_cqrs.api.write_bucket import BUCKETS, WriteBudget
from sfn_cqrs.api.write_rate import Rate
from sfn_cqrs.care.erasure.tables import ErasedTables
from sfn_cqrs.care.repairs.table import PlanTable
from sfn_cqrs.care.usage.table import UsageTable
from sfn_cqrs.kernel.aws.attributes_bucket import AttributesBucket
from sfn_cqrs.kernel.aws.threads import at_once
from sfn_cqrs.kernel.clock import Retention
from sfn_cqrs.kernel.read_models.items import PROBLEMS, SEGMENTS, VIEWS
from sfn_cqrs.kernel.read_models.read_model import Generations, ReadModel
from sfn_cqrs.kernel.read_models.rules import ViewKey
from sfn_cqrs.kernel.tables.request_table import RequestTable
from sfn_cqrs.machines.approval.items import APPROVALS
from sfn_cqrs.machines.approval.table import ApprovalTable
from sfn_cqrs.machines.command import read_models
from sfn_cqrs.machines.command.data_table import DataTable
from sfn_cqrs.machines.command.erasure_table import ERASURES, ErasureTable
from sfn_cqrs.machines.command.history_table import HistoryTable
from sfn_cqrs.machines.command.process_table import ProcessTable
from sfn_cqrs.machines.command.table import CommandTable
from sfn_cqrs.machines.import_csv.budget import Limits
from sfn_cqrs.machines.import_csv.items import IMPORT_BUDGETS, IMPORT_QUEUE, IMPORTS
from sfn_cqrs.machines.import_csv.places import Places
from sfn_cqrs.machines.import_csv.table import ImportTable
from sfn_cqrs.machines.rebuild.generation_rows import GenerationRows
from sfn_cqrs.machines.saga.items import SAGAS
from sfn_cqrs.machines.task.table import TaskTable
from sfn_cqrs.machines.workflow.wait_table import WaitTable
from sfn_cqrs.machines.zip_orchestrator.items import ZIPS
from sfn_cqrs.machines.zip_orchestrator.table import ZipJobs
from sfn_cqrs_tools.testing.dynamodb import DynamoDB
from sfn_cqrs_tools.testing.fakes.buckets import ImportBucket, Objects, ZipBucket
from sfn_cqrs_tools.testing.fakes.clock import ManualClock
from sfn_cqrs_tools.testing.fakes.services import (
    DeadLetters,
    Executions,
    ExpressExecutions,
    LinkSecret,
    LiveEvents,
    People,
    Queue,
    Topic,
)
from sfn_cqrs_tools.testing.fakes.stored import TABLES, Stored

AUDITED = {
    "commands": "CommandsTable",
    "data": "DataTable",
    "history": "HistoryTable",
    "imports": "ImportTmpTable",
    "tasks": "TasksTable",
    "sagas": "SagasTable",
    "approvals": "ApprovalsTable",
}
ERASED_FROM = {**AUDITED, "read_models": "ReadModelsTable", "requests": "RequestsTable"}
PARTS = (
    "clock",
    "at_once",
    "processes",
    "commands",
    "data",
    "history",
    "requests",
    "plans",
    "usage",
    "erasures",
    "erased_tables",
    "attributes",
    "waits",
    "write_budget",
    "tasks",
    "sagas",
    "imports",
    "import_jobs",
    "import_budgets",
    "import_queue",
    "import_places",
    "import_limits",
    "import_bucket",
    "zip_jobs",
    "zip_bucket",
    "zip_executions",
    "executions",
    "express_executions",
    "task_executions",
    "approvals",
    "approval_executions",
    "views",
    "segments",
    "problems",
    "generations",
    "generation_rows",
    "rebuild_executions",
    "link_secret",
    "import_executions",
    "events",
    "failures",
    "information",
    "dead_letters",
    "live_events",
    "notifications",
    "task_actions",
    "import_actions",
)


class World(Stored):
    """The adapters over DynamoDB in memory, and fakes of the rest, under a clock moved by hand.

    `bootstrap.override(**world.parts())` puts them in place. `dynamodb` replaces the client in
    memory; its tables must exist. `clock` is any function that returns the time.
    """

    def __init__(
        self,
        *,
        command_ttl: Retention | None = None,
        history_ttl: Retention | None = None,
        task_ttl: Retention | None = None,
        write_rate: Rate | None = None,
        import_limits: Limits | None = None,
        import_places: Places | None = None,
        dynamodb: Any = None,
        clock: Any = None,
    ) -> None:
        self.clock: ManualClock = clock or ManualClock()
        self.at_once = at_once
        self.dynamodb: Any = dynamodb or DynamoDB(TABLES)
        self._command_ttl = command_ttl or Retention()
        self._history_ttl = history_ttl or Retention()
        self._task_ttl = task_ttl or Retention()
        self.write_rate = write_rate or Rate(1_000, 100_000)
        self.import_places = import_places or Places(5, 15)
        self.import_limits = import_limits or Limits(20, 10 * 1024**3, 10_000_000)
        self._make_buckets()
        self._make_tables()
        self.write_budget = self.new_write_budget()
        self.generations = self.new_generations()
        self._make_services()

    def _make_buckets(self) -> None:
        """Make the adapters of S3 and their fakes."""
        self.objects = objects = Objects()
        self.attributes = AttributesBucket(lambda: cast("Any", objects), "attributes")
        self.import_bucket: Any = ImportBucket(self.clock)
        self.zip_bucket: Any = ZipBucket(self.import_bucket)

    def _make_tables(self) -> None:
        """Make the adapters of DynamoDB."""
        client, now, attributes = self.dynamodb, self.clock, self.attributes
        self.requests = RequestTable(client, "RequestsTable", now)
        self.plans = PlanTable(client, "RequestsTable", now)
        self.usage = UsageTable(client, "RequestsTable", now)
        self.waits = WaitTable(client, "RequestsTable", now)
        self.erasures = ErasureTable(
            client, "CommandsTable", ERASURES, requests=self.requests, now=now
        )
        self.processes = ProcessTable(client, "CommandsTable", now, self._command_ttl)
        self.commands = CommandTable(
            client,
            "CommandsTable",
            data_table="DataTable",
            history_table="HistoryTable",
            requests=self.requests,
            attributes=attributes,
            now=now,
            retention=self._command_ttl,
        )
        self.erased_tables = ErasedTables(client, ERASED_FROM, now)
        self.data = DataTable(client, "DataTable", attributes)
        self.history = HistoryTable(client, "HistoryTable", attributes, now, self._history_ttl)
        self.tasks = TaskTable(
            client,
            "TasksTable",
            requests=self.requests,
            attributes=attributes,
            now=now,
            retention=self._task_ttl,
        )
        self.sagas = self.records(SAGAS)
        self.approvals = ApprovalTable(
            client, "ApprovalsTable", APPROVALS, requests=self.requests, now=now
        )
        self.imports = ImportTable(client, "ImportTmpTable", now)
        self.import_jobs = self.records(IMPORTS)
        self.import_budgets = self.records(IMPORT_BUDGETS)
        self.import_queue = self.records(IMPORT_QUEUE)
        self.zip_jobs = ZipJobs(client, "ImportTmpTable", ZIPS, requests=self.requests, now=now)
        self.views = self.records(VIEWS)
        self.segments = self.records(SEGMENTS)
        self.problems = self.records(PROBLEMS)

    def _make_services(self) -> None:
        """Make the fakes of machines, topics and queues."""
        self.executions = Executions()
        self.express_executions = ExpressExecutions("command-express")
        self.zip_executions = Executions("zip-orchestrator", "ImportTmp")
        self.task_executions = Executions("task", "Tasks")
        self.saga_executions = Executions("order-saga", "Sagas")
        self.approval_executions = Executions("approval", "Approvals")
        self.rebuild_executions = Executions()
        self.import_executions = Executions("import-csv", "ImportTmp")
        self.link_secret = LinkSecret()
        self.events = Topic()
        self.failures = Topic()
        self.information = People()
        self.dead_letters = DeadLetters()
        self.live_events = LiveEvents()
        self.notifications = Queue()
        self.task_actions = Queue()
        self.import_actions = Queue()

    def new_write_budget(self) -> WriteBudget:
        """Return the write budget of another environment, which has leased nothing yet."""
        return WriteBudget(self.records(BUCKETS), self.write_rate, self.clock)

    def new_generations(self) -> Generations:
        """Return the generations of another environment, which has read nothing yet."""
        return Generations(self.views, timedelta(seconds=30), self.clock)

    def read_model(self, view: str, *, buckets: int = 0) -> ReadModel:
        """Return a view, with these buckets or the declared ones."""
        declared = read_models._types.get(view)
        return ReadModel(
            self.dynamodb,
            "ReadModelsTable",
            view,
            buckets=buckets or (declared.buckets if declared else 1),
            generation=self.generations.of,
        )

    def generation_rows(self, key: ViewKey) -> GenerationRows:
        return GenerationRows(self.dynamodb, "ReadModelsTable", key)

    def parts(self) -> dict[str, object]:
        """Return the arguments of `bootstrap.override`."""
        return {
            **{name: getattr(self, name) for name in PARTS},
            "read_models": self.read_model,
            "saga_machines": {"order-saga": self.saga_executions},
        }
