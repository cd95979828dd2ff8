from datetime import timedelta
from typing import Any

from sfn_cqrs.adapters.generation_items import PROBLEMS, SEGMENTS, VIEWS
from sfn_cqrs.adapters.generations import Generations
from sfn_cqrs.adapters.import_budget import IMPORT_BUDGETS
from sfn_cqrs.adapters.import_items import IMPORTS
from sfn_cqrs.adapters.import_queue import IMPORT_QUEUE
from sfn_cqrs.adapters.records import Kind
from sfn_cqrs.adapters.saga_items import SAGAS
from sfn_cqrs.adapters.threads import at_once
from sfn_cqrs.adapters.write_bucket import BUCKETS, WriteBudget
from sfn_cqrs.domain.import_budget import Limits
from sfn_cqrs.domain.import_queue import Places
from sfn_cqrs.domain.process import Process
from sfn_cqrs.domain.read_models import ViewKey
from sfn_cqrs.domain.retention import Retention
from sfn_cqrs.domain.write_rate import Rate
from sfn_cqrs_tools.testing.fakes.imports import ImportBucket, ImportTable
from sfn_cqrs_tools.testing.fakes.records import TABLES, KeepsRecords, R, is_a
from sfn_cqrs_tools.testing.fakes.services import (
    AttributesBucket,
    DeadLetters,
    Executions,
    ExpressExecutions,
    LinkSecret,
    LiveEvents,
    People,
    Queue,
    Topic,
)
from sfn_cqrs_tools.testing.fakes.store import ManualClock, Store
from sfn_cqrs_tools.testing.fakes.tables import (
    CommandTable,
    DataTable,
    GenerationRows,
    HistoryTable,
    ProcessTable,
    ReadModel,
    WaitTable,
    is_listed,
)
from sfn_cqrs_tools.testing.fakes.task_table import TaskTable
from sfn_cqrs_tools.testing.fakes.zips import ZipBucket


class World(KeepsRecords):
    """One fake of every adapter over one store, under a clock that is moved by hand.

    `bootstrap.override(**world.parts())` puts them in place.
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
    ) -> None:
        self.clock = ManualClock()
        self.at_once = at_once
        self.store = Store(self.clock)
        self.processes = ProcessTable(self.store, command_ttl or Retention())
        self.commands = CommandTable(self.store, command_ttl or Retention())
        self.data = DataTable(self.store)
        self.history = HistoryTable(self.store, history_ttl or Retention())
        self.dynamodb = self.store.dynamodb
        self.requests = self.store.requests
        self.waits = WaitTable(self.store)
        self.write_rate = write_rate or Rate(1_000, 100_000)
        self.write_budget = self.new_write_budget()
        self.attributes = AttributesBucket(self.store)
        self._task_ttl = task_ttl or Retention()
        self.tasks = self.task_table()
        self.sagas = self.records(SAGAS)
        self.approvals = self.approval_table()
        self.imports = ImportTable(self.store)
        self.import_jobs = self.records(IMPORTS)
        self.import_budgets = self.records(IMPORT_BUDGETS)
        self.import_queue = self.records(IMPORT_QUEUE)
        self.import_places = import_places or Places(5, 15)
        self.import_limits = import_limits or Limits(20, 10 * 1024**3, 10_000_000)
        self.import_bucket = ImportBucket(self.store)
        self.zip_jobs = self.zip_table()
        self.zip_bucket = ZipBucket(self.import_bucket)
        self.zip_executions = Executions(self.store, "zip-orchestrator", "ImportTmp")
        self.executions = Executions(self.store)
        self.express_executions = ExpressExecutions(self.store, "command-express")
        self.task_executions = Executions(self.store, "task", "Tasks")
        self.saga_executions = Executions(self.store, "order-saga", "Sagas")
        self.approval_executions = Executions(self.store, "approval", "Approvals")
        self.views = self.records(VIEWS)
        self.segments = self.records(SEGMENTS)
        self.problems = self.records(PROBLEMS)
        self.generations = self.new_generations()
        self.rebuild_executions = Executions(self.store)
        self.link_secret = LinkSecret()
        self.import_executions = Executions(self.store, "import-csv", "ImportTmp")
        self.events = Topic(self.store)
        self.failures = Topic(self.store)
        self.information = People()
        self.dead_letters = DeadLetters(self.store)
        self.live_events = LiveEvents()
        self.notifications = Queue()
        self.task_actions = Queue()
        self.import_actions = Queue()

    def seed(self, *processes: Process) -> None:
        """Put processes as they are, and list those that the index would list."""
        for process in processes:
            version = (process.key, process.version)
            self.store.processes.put(version, process)
            if is_listed(process):
                self.store.listed.add(version)

    def new_write_budget(self) -> WriteBudget:
        """What one more environment has leased of the tenants' buckets: nothing yet."""
        return WriteBudget(self.records(BUCKETS), self.write_rate, self.clock)

    def task_table(self, client: Any = None) -> TaskTable:
        return TaskTable(
            client or self.dynamodb,
            TABLES["tasks"],
            requests=self.requests,
            attributes=self.attributes,
            now=self.clock,
            retention=self._task_ttl,
        )

    def all_of(self, kind: Kind[R]) -> list[R]:
        """Every record of a kind."""
        items = self.dynamodb.tables[TABLES[kind.name]].values()
        return [kind.read(item) for item in items if is_a(kind, item)]

    def read_model(self, view: str, *, buckets: int = 1) -> ReadModel:  # noqa: ARG002 - one store
        return ReadModel(self.store, view, self.generations.of)

    def new_generations(self) -> Generations:
        """What one more environment knows of the read models: nothing yet."""
        return Generations(self.views, timedelta(seconds=30), self.clock)

    def generation_rows(self, key: ViewKey) -> GenerationRows:
        return GenerationRows(self.store, key)

    def parts(self) -> dict[str, object]:
        names = (
            "clock",
            "at_once",
            "processes",
            "commands",
            "data",
            "history",
            "requests",
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
        return {
            **{name: getattr(self, name) for name in names},
            "read_models": self.read_model,
            "saga_machines": {"order-saga": self.saga_executions},
        }
