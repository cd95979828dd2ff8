"""Finds the parts of all rooms, and the settings that the stack gives.

A room makes its parts in its `parts.py`, which is imported when one of them is first asked for. A
test puts its own in place with `override`, and forgets everything with `reset`.
"""

from datetime import datetime
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING

from sfn_cqrs._door import door
from sfn_cqrs.kernel.parts import DEPLOYED, at_once, clock, override, prepare, reset, tracer

if TYPE_CHECKING:
    from sfn_cqrs.api.parts import *
    from sfn_cqrs.care.audit.parts import *
    from sfn_cqrs.care.erasure.parts import *
    from sfn_cqrs.care.live.parts import *
    from sfn_cqrs.care.repairs.parts import *
    from sfn_cqrs.care.usage.parts import *
    from sfn_cqrs.kernel.aws.parts import *
    from sfn_cqrs.kernel.read_models.parts import *
    from sfn_cqrs.kernel.read_models.read_model import ReadModel
    from sfn_cqrs.kernel.read_models.sums import Sums
    from sfn_cqrs.kernel.sql.sql import Sql
    from sfn_cqrs.kernel.tables.parts import *
    from sfn_cqrs.machines.approval.parts import *
    from sfn_cqrs.machines.command.parts import *
    from sfn_cqrs.machines.command.planned import Planner
    from sfn_cqrs.machines.import_csv.parts import *
    from sfn_cqrs.machines.import_csv.places import EveryImport
    from sfn_cqrs.machines.rebuild.parts import *
    from sfn_cqrs.machines.saga.parts import *
    from sfn_cqrs.machines.schedule.parts import *
    from sfn_cqrs.machines.task.parts import *
    from sfn_cqrs.machines.workflow.parts import *
    from sfn_cqrs.machines.zip_orchestrator.parts import *
else:
    ROOMS = {
        "kernel.aws": (
            "app_secrets attributes events event_bus failures information dead_letters"
            " notifications"
        ),
        "kernel.tables": "requests",
        "kernel.read_models": "read_models views segments problems generations",
        "machines.command": (
            "command_ttl history_ttl processes commands erasures data history executions"
            " express_executions reservations"
        ),
        "machines.task": "task_ttl tasks task_executions task_actions",
        "machines.saga": "sagas saga_machines saga_executions",
        "machines.schedule": "job_rounds schedule",
        "machines.approval": "approvals approval_executions link_secret",
        "machines.rebuild": "rebuild_executions generation_rows",
        "machines.import_csv": (
            "import_jobs import_budgets import_limits import_queue import_places imports"
            " import_bucket import_executions import_actions"
        ),
        "machines.zip_orchestrator": "zip_jobs zip_bucket zip_executions",
        "machines.workflow": "waits",
        "care.audit": "audit_tables",
        "care.erasure": "erased_tables",
        "care.repairs": "plans",
        "care.usage": "usage",
        "care.live": "live_events",
        "api": "write_budget",
    }
    _find, __dir__ = door(
        __name__, {f"sfn_cqrs.{room}.parts": each for room, each in ROOMS.items()}
    )

    def __getattr__(name: str):
        """Return a part, and have it from now on."""
        part = globals()[name] = _find(name)
        return part


__all__ = ["DEPLOYED", "at_once", "clock", "override", "prepare", "reset", "tracer"]  # and all else

# The settings from the environment.

stack_name = partial(DEPLOYED.variable, "POWERTOOLS_SERVICE_NAME")
"""The name of this stack."""
stage = partial(DEPLOYED.variable, "STAGE")
"""The stage that is deployed: dev, stg or prod."""
app_package = partial(DEPLOYED.variable, "APP_PACKAGE")
"""The user's package."""
commands_table_name = partial(DEPLOYED.variable, "COMMANDS_TABLE")
"""The names of these tables, as notices and executions carry them."""
tasks_table_name = partial(DEPLOYED.variable, "TASKS_TABLE")
sagas_table_name = partial(DEPLOYED.variable, "SAGAS_TABLE")
approvals_table_name = partial(DEPLOYED.variable, "APPROVALS_TABLE")
import_table_name = partial(DEPLOYED.variable, "IMPORT_TMP_TABLE")
approval_machine_arn = partial(DEPLOYED.machine_arn, "approval")
"""The only machine whose functions may wait for people."""
largest_upload = partial(DEPLOYED.number, "MAX_UPLOAD_BYTES")
"""The largest file in bytes that an upload form for an import accepts."""
longest_wait = partial(DEPLOYED.number, "MAX_WAIT_SECONDS")
"""Seconds that a request to the API may wait for a version."""


def is_published() -> bool:
    """Return whether a published version of the function runs, behind an alias, and not $LATEST."""
    return DEPLOYED.optional("AWS_LAMBDA_FUNCTION_VERSION").isdecimal()


def has_express_lane() -> bool:
    """Return whether commands go to the express lane; commands already in it finish either way."""
    return DEPLOYED.optional("EXPRESS_LANE") == "enabled"


def has_sql() -> bool:
    """Return whether this stack has PostgreSQL; use it as `when=has_sql` of a handler."""
    return bool(DEPLOYED.optional("POSTGRES"))


def has_event_bus() -> bool:
    """Return whether notices also go to an event bus."""
    return bool(DEPLOYED.optional("EVENT_BUS"))


def machine_arn(name: str) -> str:
    """Return the ARN of another machine of this stack by its file's name, such as `order-saga`."""
    return DEPLOYED.machine_arn(name)


def operators_arn() -> str:
    """Return the prefix of the ARNs of callers who have assumed the operators' role.

    Without a role it ends with two slashes, which no ARN has.
    """
    machines = DEPLOYED.variable("MACHINES")
    _, partition, _, _, account, *_ = machines.split(":")
    return f"arn:{partition}:sts::{account}:assumed-role/{DEPLOYED.variable('OPERATOR_ROLE')}/"


# Time and traces.


def now() -> datetime:
    """Return the current time, in UTC."""
    return DEPLOYED.now()


def trace() -> str:
    """Return the running code's place in a trace, to pass on; empty outside of a trace."""
    here = tracer().here()
    return here.header if here else ""


def traceparent() -> str:
    """Return the running code's place in its trace as a W3C `traceparent`; empty outside of one.

    A handler sends it as the header of that name, with what it asks of another service.
    """
    here = tracer().here()
    return here.traceparent if here else ""


# What a user's package imports when it starts, so nothing is loaded before it is called.


def generation(table: str, tenant: str) -> int:
    """Return the generation of a PostgreSQL table to read, or to write in a handler."""
    from sfn_cqrs.kernel.read_models import parts  # noqa: PLC0415

    return parts.generations().of(tenant, table)


def read_model(view: str, *, buckets: int = 1) -> "ReadModel":
    """Return one view of the table of read models.

    `buckets` spreads each partition: 16 buckets take sixteen thousand writes a second. The number
    of a view never changes, and every place that names the view uses the same number.
    """
    from sfn_cqrs.kernel.read_models import parts, row_models  # noqa: PLC0415

    found, typed = parts.read_models()(view, buckets=buckets), row_models.find(view)
    return found.checking(typed.check) if typed else found


def sums(view: str, *, attribute: str = "sum", buckets: int = 1) -> "Sums":
    """Return the exact sums that a view of the table of read models keeps, in one attribute.

    `buckets` are those of `read_model`. Write all rows of the view with it, or none.
    """
    from sfn_cqrs.kernel.read_models.sums import Sums  # noqa: PLC0415

    return Sums(read_model(view, buckets=buckets), attribute)


def sql() -> "Sql":
    """Return PostgreSQL, as another read model.

    Raises:
        SqlDisabledError: the stack has none.
    """
    from sfn_cqrs.kernel.sql import parts  # noqa: PLC0415

    return parts.sql()


def setting(name: str) -> str:
    """Return a value of the parameter AppSettings, which has `NAME=value` parted by blanks.

    Raises:
        LookupError: AppSettings does not have it.
    """
    pairs = DEPLOYED.optional("APP_SETTINGS").split()
    settings = dict(pair.split("=", 1) for pair in pairs if "=" in pair)
    if name not in settings:
        known = ", ".join(sorted(settings)) or "none"
        raise LookupError(
            f"AppSettings in template.yaml has no {name}=…; it has: {known}. Add it, and deploy"
        )
    return settings[name]


def secret(name: str) -> str:
    """Return the parameter `/STACK/NAME` of Parameter Store; STACK is a setting.

    It is kept for five minutes, so a new value is used five minutes later at the latest.

    Raises:
        LookupError: there is no such parameter, or no setting STACK.
    """
    from sfn_cqrs.kernel.aws.parts import app_secrets  # noqa: PLC0415 - few have secrets

    return app_secrets()(f"/{setting('STACK')}/{name}")


# What a room asks of one behind it, which is imported only now.


def our_tasks() -> str:
    """Import the framework's own type of task, which registers itself, and return its name."""
    name: str = import_module("sfn_cqrs.care.repairs.work").REPAIR
    return name


def planner(tenant: str) -> "Planner":
    """Return what plans publishes of a tenant's items."""
    made: Planner = import_module("sfn_cqrs.machines.schedule.service").PlanService(tenant)
    return made


def every_import() -> "EveryImport":
    """Return the imports of files and of archives together."""
    made: EveryImport = import_module("sfn_cqrs.machines.zip_orchestrator.both_kinds").BothKinds()
    return made
