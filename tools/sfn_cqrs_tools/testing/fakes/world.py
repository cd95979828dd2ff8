from datetime import timedelta
from typing import Any

from sfn_cqrs import bootstrap
from sfn_cqrs.api.write_budget import Rate, WriteBudget
from sfn_cqrs.kernel.clock import Retention
from sfn_cqrs.kernel.parts import Parts
from sfn_cqrs.kernel.read_models.read_model import Generations, ReadModel
from sfn_cqrs.machines.command import read_models
from sfn_cqrs.machines.import_csv.budget import Limits
from sfn_cqrs.machines.import_csv.places import Places
from sfn_cqrs.machines.saga import types as saga_types
from sfn_cqrs_tools.testing.dynamodb import DynamoDB
from sfn_cqrs_tools.testing.fakes.buckets import ImportBucket, Objects, ZipBucket
from sfn_cqrs_tools.testing.fakes.clock import ManualClock
from sfn_cqrs_tools.testing.fakes.services import (
    AppSecrets,
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

ENVIRONMENT = {
    "APPROVALS_TABLE": "ApprovalsTable",
    "ATTRIBUTES_BUCKET": "attributes",
    "COMMANDS_TABLE": "CommandsTable",
    "DATA_TABLE": "DataTable",
    "GENERATIONS_KNOWN_SECONDS": "30",
    "HISTORY_TABLE": "HistoryTable",
    "IMPORT_TMP_TABLE": "ImportTmpTable",
    "READ_MODELS_TABLE": "ReadModelsTable",
    "REQUESTS_TABLE": "RequestsTable",
    "SAGAS_TABLE": "SagasTable",
    "TASKS_TABLE": "TasksTable",
}
PARTS = {"at_once", "clock", *dir(bootstrap)} - {"saga_executions"}  # one of its saga_machines


class World(Stored):
    """The deployed parts over DynamoDB and S3 in memory, and fakes of the rest, under its clock.

    `bootstrap.override(**world.parts())` puts them in place. `dynamodb` and `s3` replace the
    clients in memory; their tables and buckets must exist. `clock` is any function that returns the
    time; by default it is moved by hand.
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
        s3: Any = None,
        clock: Any = None,
    ) -> None:
        self.clock: ManualClock = clock or ManualClock()
        self.dynamodb: Any = dynamodb or DynamoDB(TABLES)
        self.objects = s3 or Objects()
        rate = write_rate or Rate(1_000, 100_000)
        self._environment = ENVIRONMENT | {
            "TENANT_WRITE_RATE": str(rate.per_second),
            "TENANT_WRITE_BURST": str(rate.burst),
        }
        self._given: dict[str, Any] = {
            "clock": self.clock,
            "client:dynamodb": self.dynamodb,
            "client:s3": self.objects,
            "command_ttl": command_ttl or Retention(),
            "history_ttl": history_ttl or Retention(),
            "task_ttl": task_ttl or Retention(),
        }
        self.import_places = import_places or Places(5, 15)
        self.import_limits = import_limits or Limits(20, 10 * 1024**3, 10_000_000)
        self._make_parts(self.new_parts())
        self._make_fakes()

    def new_parts(self) -> Parts:
        """Return the parts of another environment, which has made none yet."""
        return Parts(self._environment, **self._given)

    def _make_parts(self, parts: Parts) -> None:
        """Make the parts that are as deployed."""
        self.at_once = bootstrap.at_once(parts)
        self.attributes = bootstrap.attributes(parts)
        self.requests = bootstrap.requests(parts)
        self.processes = bootstrap.processes(parts)
        self.commands = bootstrap.commands(parts)
        self.erasures = bootstrap.erasures(parts)
        self.reservations = bootstrap.reservations(parts)
        self.data = bootstrap.data(parts)
        self.history = bootstrap.history(parts)
        self.tasks = bootstrap.tasks(parts)
        self.sagas = bootstrap.sagas(parts)
        self.approvals = bootstrap.approvals(parts)
        self.imports = bootstrap.imports(parts)
        self.import_jobs = bootstrap.import_jobs(parts)
        self.import_budgets = bootstrap.import_budgets(parts)
        self.import_queue = bootstrap.import_queue(parts)
        self.zip_jobs = bootstrap.zip_jobs(parts)
        self.waits = bootstrap.waits(parts)
        self.views = bootstrap.views(parts)
        self.segments = bootstrap.segments(parts)
        self.problems = bootstrap.problems(parts)
        self.generations = bootstrap.generations(parts)
        self.generation_rows = bootstrap.generation_rows(parts)
        self.erased_tables = bootstrap.erased_tables(parts)
        self.plans = bootstrap.plans(parts)
        self.schedule = bootstrap.schedule(parts)
        self.job_rounds = bootstrap.job_rounds(parts)
        self.usage = bootstrap.usage(parts)
        self.write_budget = bootstrap.write_budget(parts)

    def _make_fakes(self) -> None:
        """Make the fakes of files, machines, topics and queues."""
        self.import_bucket: Any = ImportBucket(self.clock)
        self.zip_bucket: Any = ZipBucket(self.import_bucket)
        self.executions = Executions()
        self.express_executions = ExpressExecutions("command-express")
        self.zip_executions = Executions("zip-orchestrator", "ImportTmp")
        self.task_executions = Executions("task", "Tasks")
        self.saga_executions = Executions("own-saga", "Sagas")
        self.declared_executions = Executions("saga", "Sagas")
        self.approval_executions = Executions("approval", "Approvals")
        self.rebuild_executions = Executions()
        self.import_executions = Executions("import-csv", "ImportTmp")
        self.app_secrets = AppSecrets()
        self.link_secret = LinkSecret()
        self.events = Topic()
        self.failures = Topic()
        self.information = People()
        self.dead_letters = DeadLetters()
        self.live_events = LiveEvents()
        self.notifications = Queue()
        self.task_actions = Queue()
        self.import_actions = Queue()

    def advance(self, **amount: float) -> None:
        """Let time pass: publish what is due, in order, and apply what is published.

        The arguments are those of `timedelta`. A handler's error is raised here.
        """
        from sfn_cqrs_tools.testing.advancing import advance  # noqa: PLC0415 - few tests let time pass

        with bootstrap.override(**self.parts()):
            advance(self, self.clock, timedelta(**amount))

    def new_write_budget(self) -> WriteBudget:
        """Return the write budget of another environment, which has leased nothing yet."""
        return bootstrap.write_budget(self.new_parts())

    def new_generations(self) -> Generations:
        """Return the generations of another environment, which has read nothing yet."""
        return bootstrap.generations(self.new_parts())

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

    def parts(self) -> dict[str, object]:
        """Return the arguments of `bootstrap.override`."""
        return {
            **{name: part for name, part in vars(self).items() if name in PARTS},
            "read_models": self.read_model,
            "saga_machines": {
                **dict.fromkeys(saga_types._types, self.saga_executions),
                "saga": self.declared_executions,
            },
        }
