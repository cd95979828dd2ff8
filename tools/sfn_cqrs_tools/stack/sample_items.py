"""Makes the items that a sample event refers to, so that its function has work on a stack.

Everything belongs to a tenant of its own, so nobody's items are touched: a version of Narita's
airport, a task, a saga, an approval, an import, an archive, a rebuild, each in its state when the
function is called. What is applied before is applied by the stack, so its read models have it.
Where states before it leave something, they are run first, on their samples.
A state that waits gets the task token of an execution that waits, so that its end
ends something. The stack ends whatever a sample leaves open.
"""

from __future__ import annotations

import csv
import io
import json
import time
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from sfn_cqrs.kernel.clock import iso, new_ulid
from sfn_cqrs.kernel.command import Audit, Command, Content
from sfn_cqrs.kernel.errors import LinksDisabledError
from sfn_cqrs.kernel.keys import (
    ApprovalRef,
    CommandRef,
    ImportKey,
    ItemKey,
    SagaRef,
    TaskRef,
    ZipRef,
)
from sfn_cqrs.kernel.read_models.items import VIEWS
from sfn_cqrs.kernel.read_models.rules import Begin, View, ViewRef
from sfn_cqrs.kernel.tables.dynamodb import marshal, unmarshal
from sfn_cqrs.kernel.tables.records import Kind, R
from sfn_cqrs.kernel.values import Json
from sfn_cqrs.machines.approval.items import APPROVALS
from sfn_cqrs.machines.approval.link import ApprovalLink
from sfn_cqrs.machines.approval.link_secret import LinkSecret
from sfn_cqrs.machines.approval.rules import (
    Approval,
    Happened,
    Pinned,
    Rules,
    Stage,
    Status,
    Verdict,
    Vote,
)
from sfn_cqrs.machines.command import process as process_rules
from sfn_cqrs.machines.command.items import command_item, process_item, row_item
from sfn_cqrs.machines.command.process import Outcome, Process
from sfn_cqrs.machines.import_csv.items import IMPORTS
from sfn_cqrs.machines.import_csv.job import NO_SOURCE, Job, JobStatus, Loaded, Reader, Source
from sfn_cqrs.machines.saga.items import SAGAS
from sfn_cqrs.machines.saga.rules import Entry, EntryStatus, Move, MoveKind, Saga, SagaStatus
from sfn_cqrs.machines.task.items import TASKS, new_item, pointer_item
from sfn_cqrs.machines.task.rules import Task, TaskStatus
from sfn_cqrs.machines.zip_orchestrator.items import ZIPS
from sfn_cqrs.machines.zip_orchestrator.job import ZipJob
from sfn_cqrs_tools.client.api import item_path, work_path
from sfn_cqrs_tools.client.aws import Target
from sfn_cqrs_tools.client.executions import SAMPLE_TOKEN, machines_of
from sfn_cqrs_tools.client.runs import Runs
from sfn_cqrs_tools.project import project
from sfn_cqrs_tools.runtime.state import StackError
from sfn_cqrs_tools.stack.saga_path import steps_before
from sfn_cqrs_tools.stack.samples import samples_of

TENANT: Final = "sample"
SAMPLES_PREFIX: Final = "sfn-cqrs-"
"""The prefix of the machines' names in the event files."""
ARNS: Final = ("stateMachine", "execution")
SAGA: Final = "its saga"
"""Stands for the machine of the project's saga."""
DECLARED: Final = SagaRef.DECLARED
SAMPLES_TENANT: Final = "tenant1"
"""The tenant of the events in their files."""
SAMPLES_ULID: Final = "01KAXK3V9Q0M3W8C5R6T7Y8Z9A"
LINK_SECONDS: Final = 3600
PATIENCE_SECONDS: Final = 20.0
CODE_LENGTH: Final = 6
"""The number of characters that distinguish the items of one sample from the next."""
CSV: Final = (
    "icao,name,country,lat,lon,tz\n"
    "NRT1,Narita,JP,35.7647,140.3864,Asia/Tokyo\n"
    "HND1,Haneda,JP,35.5523,139.78,Asia/Tokyo\n"
)
RAGGED: Final = CSV.replace("NRT1", "\nNRT1").replace(
    "HND1,Haneda,JP,35.5523,139.78,Asia/Tokyo", "\nHND1"
)
"""Its empty lines give the rows the numbers that the sample of the batch has."""
BEFORE: Final[Mapping[tuple[str, str], tuple[str, ...]]] = {
    ("command", "transform_data"): ("history_copy",),
    ("command", "sync_data"): ("history_copy", "transform_data"),
    ("command", "finish"): ("history_copy", "transform_data", "sync_data"),
    ("import-csv", "csv_rows_handler"): ("csv_loader",),
    ("import-csv", "csv_rows_handler_jsonl"): ("csv_loader",),
    ("import-csv", "finalize_parent_job"): ("csv_loader", "csv_rows_handler"),
    ("task", "finalize_task"): ("iterator",),
    ("zip-orchestrator", "extract_file"): ("list_zip",),
    ("zip-orchestrator", "trigger_single_csv_and_wait"): ("list_zip", "extract_file"),
    ("zip-orchestrator", "finalize_zip_job"): ("list_zip",),
}
"""The earlier states whose results a state needs, by machine and state; a saga's machine tells."""
ABOUT: Final[Mapping[str, tuple[str, str]]] = {
    "import-csv": ("imports", "airports"),
    "on_import_action": ("imports", "airports"),
    "task": ("tasks", "OFFER_REMINDER"),
    "zip-orchestrator": ("imports", "airports"),
}
"""The declaration that samples of a machine, or a sample, need: its kind and its name."""
EACH: Final = ("sync_data",)
"""The states that run once for each name that the state before has listed."""
START: Final = "start_execution"
TELLS_OF: Final = {
    ("api", "decide_by_link"): "approval",
    ("queue", "on_task_action"): "task",
    ("schedule", "finish_imports_ended"): "import-csv",
    ("schedule", "sweep_approvals_ended"): "approval",
    ("schedule", "sweep_commands_ended"): "command",
    ("schedule", "sweep_imports_ended"): "zip-orchestrator",
    ("schedule", "sweep_sagas_ended"): SAGA,
    ("schedule", "sweep_tasks_ended"): "task",
    ("stream", "on_approval_changed"): "approval",
    ("stream", "on_import_changed"): "import-csv",
    ("stream", "on_import_changed_zip"): "zip-orchestrator",
    ("stream", "on_process_changed"): "command",
    ("stream", "on_saga_changed"): SAGA,
    ("stream", "on_task_changed"): "task",
}
"""The machine whose item a sample is about, though no state; start_execution names the item."""
BEGUN: Final = "check_version:STARTED"
"""Another status than `START`, at which the stream would run the version."""
WAITS: Final = "sample-wait"
"""The machine whose executions wait, and the activity that they wait for."""

Event = dict[str, Any]
Prepare = Callable[["Rehearsal", str, Mapping[str, Any]], str | None]
"""Makes the item of a state's execution; may answer what stands for the sample's token."""
Adapt = Callable[["Rehearsal", Event], Event]


@dataclass(frozen=True)
class Ready:
    """An event whose items are there, and the events of the states that have to run before."""

    event: Event
    before: tuple[tuple[str, Event], ...] = ()
    tenant: str | None = None
    """The tenant of the items; None if nothing had to be made."""
    execution: str | None = None
    """The execution that the event belongs to."""
    go_on: Callable[[], str] | None = None
    """Starts afterwards what no sweep would, and answers its name."""
    repair: str | None = None
    """What to POST afterwards, so that nothing stays failed because a sample says so."""
    about: tuple[str, str] | None = None
    """The declaration that it needs, if it needs one: its kind, such as `tasks`, and its name."""


class Rehearsal:
    """Makes items in the tables of a local stack."""

    def __init__(self, target: Target, read: Callable[[str, str], Event]) -> None:
        """`read` answers the sample event of a state of a machine, by their names."""
        self._target = target
        self._names = target.environment
        self._dynamodb = target.client("dynamodb")
        self._s3 = target.client("s3")
        self._of_file = read
        self.samples = samples_of(project())
        self.now = datetime.now(UTC)
        self.by = Audit(iso(self.now), "sample")
        self.at = self.by.at

    def _read(self, group: str, name: str) -> Event:
        """Return a sample event; the project's names replace the made-up ones."""
        return _changed(self._of_file(group, name), self.samples.names)

    def _kind(self, machine: str) -> str:
        saga = self.samples.saga
        return SAGA if saga is not None and machine == saga.machine else machine

    def _told_of(self, group: str, name: str) -> str:
        """Return the machine whose item a sample is about."""
        machine = TELLS_OF.get((group, name), group)
        saga = self.samples.saga
        return saga.machine if machine == SAGA and saga is not None else machine

    def ready(self, group: str, name: str) -> Ready:
        """Make what a sample refers to; of a machine of one's own, nothing.

        `group` is a machine, or a folder of functions that no machine calls.

        Raises:
            StackError: the stack lacks what the sample needs.
        """
        machine = self._told_of(group, name)
        if self._kind(machine) in _PREPARE and machine != SAGA:
            return self._of_machine(machine, group, name)
        other = _OTHERS.get((group, name))
        if other is None:
            return Ready(self._read(group, name))
        changes = {SAMPLES_TENANT: TENANT, SAMPLES_ULID: new_ulid(self.now)}
        event = other(self, _changed(self._read(group, name), changes))
        return Ready(event, tenant=TENANT, about=ABOUT.get(name))

    def _of_machine(self, machine: str, group: str, name: str) -> Ready:
        """Make the item of an execution, which every sample of its machine names."""
        ref, table, prepare = _PREPARE[self._kind(machine)]
        given, changes = self._read(machine, START), {SAMPLES_TENANT: TENANT}
        ulid = new_ulid(self.now)
        if "id" in given:
            changes[given["id"].partition("-")[2]] = ulid
        elif "code" in given:
            changes[given["code"]] = f"{given['code']}-{ulid[-CODE_LENGTH:]}"
        mine = _changed(given, changes)
        execution = ref.from_input(mine).execution_name(self._names[table])
        secret = prepare(self, name, mine)
        before = tuple(
            (one, self._adapted(self._read(machine, one), changes, execution))
            for one in self._before(machine, name)
        )
        event = self._adapted(self._read(group, name), changes, execution, secret)
        repair, go_on = _REPAIRS.get((self._kind(group), name)), _GO_ON.get((group, name))
        return Ready(
            event,
            before,
            TENANT,
            execution,
            None if go_on is None else lambda: self.start(machine, go_on(mine)),
            None if repair is None else repair(mine),
            self._about(machine, mine),
        )

    def _before(self, machine: str, state: str) -> tuple[str, ...]:
        """Return the states that have to run before a state, or before a function that is told."""
        if not machine.endswith("-saga"):
            return BEFORE.get((machine, state), ())
        definition = Runs(self._target).current_definition(
            machines_of(self._target.outputs)[machine]
        )
        return steps_before(definition, state) if state in definition["States"] else ()

    def _about(self, machine: str, given: Mapping[str, Any]) -> tuple[str, str] | None:
        """Return the declaration that an execution's input needs; the input of a task names it."""
        if machine == "approval":
            return "approvals", self.samples.approval
        if machine not in ABOUT:
            return None
        kind, name = ABOUT[machine]
        return kind, str(given.get("type", name))

    def start(self, machine: str, given: Event) -> str:
        """Start an execution under the name that the stack would give it; return the name."""
        ref, table, _ = _PREPARE[self._kind(machine)]
        name: str = ref.from_input(given).execution_name(self._names[table])
        self._target.client("stepfunctions").start_execution(
            stateMachineArn=machines_of(self._target.outputs)[machine],
            name=name,
            input=json.dumps(given),
        )
        return name

    def token_of(self, process: Process) -> str:
        """Return the token that a version's execution has stored, as soon as it waits.

        Raises:
            StackError: it does not start to wait.
        """
        found = self._awaited(process, lambda item: "task_token" in item)
        if found is not None:
            return str(found["task_token"]["S"])
        raise StackError(f"version {process.version} of {process.key.code} does not wait")

    def _adapted(
        self, sample: Event, changes: Mapping[str, str], execution: str, secret: str | None = None
    ) -> Event:
        """Return a sample that belongs to this execution; `secret` replaces its token."""
        named = _execution_in(sample)
        prefix = self._names["MACHINES"].rpartition(":")[2]
        of_stack = {f":{kind}:{SAMPLES_PREFIX}": f":{kind}:{prefix}" for kind in ARNS}
        more = {named: execution} if named else {}
        event = _changed(sample, {**of_stack, **changes, **more})
        if "context" in event:
            context = event["context"]
            context["Execution"]["StartTime"] = context["State"]["EnteredTime"] = self.at
        if SAMPLE_TOKEN in json.dumps(event):
            event = _changed(event, {SAMPLE_TOKEN: secret or self._token()})
        return event

    def _token(self) -> str:
        """Return the task token of an execution that waits until somebody ends the wait."""
        sfn = self._target.client("stepfunctions")
        activity = sfn.create_activity(name=WAITS)["activityArn"]
        waits = {"Type": "Task", "Resource": activity, "End": True}
        machine = sfn.create_state_machine(
            name=WAITS,
            definition=json.dumps({"StartAt": "wait", "States": {"wait": waits}}),
            roleArn=f"arn:aws:iam::{activity.split(':')[4]}:role/{WAITS}",
        )["stateMachineArn"]
        sfn.start_execution(stateMachineArn=machine)
        return str(sfn.get_activity_task(activityArn=activity)["taskToken"])

    def link(self, approval: Approval) -> str:
        """Return the token of the link by which an operator may decide on an approval.

        Raises:
            StackError: the stack has no links.
        """
        try:
            secret = LinkSecret(
                lambda: self._target.client("secretsmanager"),
                self._names.get("APPROVAL_LINK_SECRET", ""),
            ).read()
        except LinksDisabledError as error:
            raise StackError(
                "approval links are off: `sfn-cqrs up --parameter ApprovalLinks=enabled`"
            ) from error
        group, ends = approval.rules.group, int(self.now.timestamp()) + LINK_SECONDS
        return ApprovalLink(approval.key, "hanako", group, ends, approval.digest).signed(secret)

    def put(self, table: str, item: Mapping[str, Any]) -> None:
        """Store an item as it is."""
        self._dynamodb.put_item(TableName=self._names[table], Item=marshal(item))

    def put_record(self, table: str, kind: Kind[R], record: R) -> None:
        """Store a record as the functions do, so that the sweeps find an open one."""
        item = kind.stored(record, "sample", self.now)
        self._dynamodb.put_item(TableName=self._names[table], Item=item)

    def put_version(self, command: Command, status: str = BEGUN) -> Process:
        """Store an open version; nobody runs it unless its status is `START`."""
        process = Process(
            key=command.key,
            version=command.version,
            status=status,
            command_id=command.id,
            source="sample",
            opened_at=self.at,
            updated_at=self.at,
        )
        self.put("COMMANDS_TABLE", command_item(command))
        self.put("COMMANDS_TABLE", process_item(process, 0))
        return process

    def apply(self, command: Command) -> None:
        """Store a version, and let the stack apply it: its handlers write the read models.

        Raises:
            StackError: it has failed, or takes too long.
        """
        process = self.put_version(command, process_rules.START)
        found = self._awaited(process, lambda item: item["outcome"]["S"] != Outcome.OPEN)
        if found is None or found["outcome"]["S"] != Outcome.APPLIED:
            said = f"fails: {found['error']['S']}" if found else "does not end"
            raise StackError(f"the sample's {command.key.type} {command.key.code} {said}")

    def _awaited(self, process: Process, is_there: Callable[[Any], bool]) -> Any:
        """Return a process item as soon as it is so; None: it is not within the patience."""
        item = marshal(process_item(process, 0))
        until = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < until:
            found = self._dynamodb.get_item(
                TableName=self._names["COMMANDS_TABLE"],
                Key={"pk": item["pk"], "sk": item["sk"]},
                ConsistentRead=True,
            )["Item"]
            if is_there(found):
                return found
            time.sleep(0.05)
        return None

    def latest(self, key: ItemKey, name: str, attributes: dict[str, Any]) -> int:
        """Return the version of an item, which is made if it is not there."""
        command = self.version(key, 1, name, attributes)
        row = row_item(command.as_row())
        found = self._dynamodb.get_item(
            TableName=self._names["DATA_TABLE"],
            Key={"pk": {"S": row["pk"]}, "sk": {"S": row["sk"]}},
            ConsistentRead=True,
        )
        if "Item" in found:
            return int(unmarshal(found["Item"])["version"])
        self.apply(command)
        return 1

    def version(self, key: ItemKey, version: int, name: str, attributes: dict[str, Any]) -> Command:
        """Return a version of an item."""
        content = Content(name, attributes, is_deleted=False)
        return Command(
            key=key,
            version=version,
            id=f"{key.code}-{version}",
            content=content,
            digest=content.digest(key),
            created=self.by,
            updated=self.by,
            source="sample",
        )

    def upload(self, key: str, body: bytes) -> Source:
        """Store an object in the bucket of imports."""
        bucket = self._names["IMPORT_BUCKET"]
        answer = self._s3.put_object(Bucket=bucket, Key=key, Body=body)
        return Source(bucket, key, answer.get("VersionId", "null"))

    def in_a_week(self) -> str:
        """Return the expiry time of a request made today."""
        return iso(self.now + timedelta(days=7))


def each_of(state: str, event: Event, answer: Any) -> list[Event]:
    """Return the events of a state that runs first: one for each name that was answered before."""
    if state not in EACH or not isinstance(answer, dict):
        return [event]
    return [_about(event, index, name) for index, name in enumerate(answer["result"])]


def _about(event: Event, index: int, name: str) -> Event:
    """Return the event of one iteration of a Map."""
    context = {**event["context"], "Map": {"Item": {"Index": index, "Value": name}}}
    return {**event, "context": context, "input": name}


def _changed(event: Event, changes: Mapping[str, str]) -> Event:
    text = json.dumps(event)
    for old, new in changes.items():
        text = text.replace(old, new)
    changed: Event = json.loads(text)
    return changed


def _execution_in(sample: Event) -> str | None:
    """Return the name of the execution in a state's sample, or in an event of its end."""
    if "context" in sample:
        name: str = sample["context"]["Execution"]["Name"]
        return name
    ended: str | None = sample.get("detail", {}).get("name")
    return ended


def _a_version(rehearsal: Rehearsal, state: str, given: Mapping[str, Any]) -> str | None:
    """Version 2 runs after version 1, which is applied, or is waited for by its execution."""
    key = ItemKey(given["tenant"], given["type"], given["code"])
    last = int(given["version"])
    waits = state == "wait_prev_command"
    for number in range(1, last + 1):
        command = rehearsal.version(key, number, "Narita", {"country": "JP", "lat": 35.7647})
        if waits or number == last:
            process = rehearsal.put_version(command)
        else:
            rehearsal.apply(command)
    if not waits:
        return None
    rehearsal.start("command", dict(given))
    return rehearsal.token_of(process)


def _made(rehearsal: Rehearsal) -> dict[str, Any]:
    """Return the creator and the creation time for a sample of work."""
    return {"created": rehearsal.by, "updated_at": rehearsal.at, "source": "sample"}


_TASK_IS: Final = {"on_task_changed": TaskStatus.CREATED, "on_task_action": TaskStatus.QUEUED}


def _a_task(rehearsal: Rehearsal, state: str, given: Mapping[str, Any]) -> None:
    """Make a task that is running or about to run; its items have not begun."""
    key = TaskRef.from_input(dict(given)).key
    total = len(given["items"])
    task = Task(
        key=key,
        name="Sample",
        total=total,
        left=total,
        opened_at=rehearsal.at,
        status=_TASK_IS.get(state, TaskStatus.PROCESSING),
        **_made(rehearsal),
    )
    rehearsal.put_record("TASKS_TABLE", TASKS, task)
    rehearsal.put("TASKS_TABLE", pointer_item(key))
    for index in range(total):
        value: Json = {"order": f"o-{index}", "to": f"c{index}@example.com"}
        rehearsal.put("TASKS_TABLE", new_item(task, index, value, rehearsal.at))


def _a_saga(rehearsal: Rehearsal, _state: str, given: Mapping[str, Any]) -> None:
    """Make a running saga, and the items that its steps need."""
    about, key = rehearsal.samples.saga, SagaRef.from_input(dict(given)).key
    assert about is not None  # it names the machine
    for one in about.items:
        rehearsal.latest(ItemKey(TENANT, one.type, one.code), one.name, dict(one.attributes))
    code = f"o-{key.ulid[-8:].lower()}"
    saga = Saga(
        key=key,
        saga=str(given["saga"]),
        name=f"{about.code} {code}",
        input={about.code: code, **about.input},
        opened_at=rehearsal.at,
        status=SagaStatus.RUNNING,
        **_made(rehearsal),
    )
    rehearsal.put_record("SAGAS_TABLE", SAGAS, saga)


def _a_declared_saga(rehearsal: Rehearsal, state: str, given: Mapping[str, Any]) -> None:
    """Make a running saga of a pause, which needs no code; it is over where all has to be."""
    pause, ended = Move("a_second", kind=MoveKind.PAUSE, seconds=1), EntryStatus.DONE
    at = rehearsal.at
    log = {pause.step: Entry(status=ended, began_at=at, ended_at=at)}
    saga = Saga(
        key=SagaRef.from_input(dict(given)).key,
        saga=str(given["saga"]),
        name="a pause",
        input={},
        opened_at=rehearsal.at,
        status=SagaStatus.CREATED if state == "resume" else SagaStatus.RUNNING,
        log=log if state == "finish_saga" else {},
        order=(pause,),
        **_made(rehearsal),
    )
    rehearsal.put_record("SAGAS_TABLE", SAGAS, saga)


_DECIDED: Final = {
    "check_decision": Status.GRANTED,
    "process_approval": Status.GRANTED,
    "mark_failed": Status.GRANTED,
    "rejected": Status.REJECTED,
    "expired": Status.EXPIRED,
}
_VERDICTS: Final = {Status.GRANTED: Verdict.APPROVE, Status.REJECTED: Verdict.REJECT}


def _an_approval(rehearsal: Rehearsal, state: str, given: Mapping[str, Any]) -> str | None:
    """Make an approval of an item: open, or decided if the state needs it."""
    key = ApprovalRef.from_input(dict(given)).key
    code = f"o-{key.ulid[-8:].lower()}"
    about = rehearsal.samples.item
    item = ItemKey(TENANT, about.type, code)
    version = rehearsal.latest(item, about.name, dict(about.attributes))
    status = _DECIDED.get(state, Status.OPEN)
    approval = Approval(
        key=key,
        type=rehearsal.samples.approval,
        rules=Rules(group="operator"),
        expires_at=rehearsal.in_a_week(),
        due_at=rehearsal.in_a_week(),
        subject=code,
        payload={"total": 1200},
        item=Pinned(about.type, code, version),
        note="a sample",
        status=status,
        stage=Stage.CREATED if status is Status.OPEN else Stage.WAITING,
        happened=Happened.WAITING,  # else the stream would run it
        **_made(rehearsal),
    )
    digest = approval.fingerprint
    verdict = _VERDICTS.get(status)
    votes = (Vote("boss", verdict, rehearsal.at, seen=digest),) if verdict else ()
    approval = replace(approval, digest=digest, votes=votes)
    rehearsal.put_record("APPROVALS_TABLE", APPROVALS, approval)
    return rehearsal.link(approval) if state == "decide_by_link" else None


def _an_import(rehearsal: Rehearsal, state: str, given: Mapping[str, Any]) -> None:
    """Make a running import of two airports; AWS's reader would reject the second."""
    key = ImportKey.from_input(dict(given))
    text = RAGGED if state.endswith("_jsonl") else CSV
    source = rehearsal.upload(f"uploads/{TENANT}/{key.ulid}/airports.csv", text.encode())
    job = Job(
        key=key,
        table="airports",
        source=source,
        size=len(text),
        **_begun(rehearsal),
    )
    rehearsal.put_record("IMPORT_TMP_TABLE", IMPORTS, job)


def _begun(rehearsal: Rehearsal) -> dict[str, Any]:
    """Return the attributes of an import job that has begun."""
    at = rehearsal.at
    status = JobStatus.PROCESSING
    return {"by": rehearsal.by, "status": status, "started_at": at, "updated_at": at}


def _an_archive(rehearsal: Rehearsal, _state: str, given: Mapping[str, Any]) -> None:
    """Make a running import of an archive with two files of two airports each."""
    key = ZipRef.from_input(dict(given)).key
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as opened:
        for name in ("airports.csv", "more.csv"):
            opened.writestr(name, CSV)
    body = archive.getvalue()
    job = ZipJob(
        key=key,
        source=rehearsal.upload(f"uploads/{TENANT}/{key.ulid}/airports.zip", body),
        size=len(body),
        table="airports",
        opened_at=rehearsal.at,
        **_begun(rehearsal),
    )
    rehearsal.put_record("IMPORT_TMP_TABLE", ZIPS, job)


def _a_rebuild(rehearsal: Rehearsal, _state: str, given: Mapping[str, Any]) -> None:
    """Make a rebuild of the items by customer, with one item to replay."""
    about = rehearsal.samples.item
    ref = ViewRef.from_input(dict(given))
    key = ItemKey(TENANT, about.type, "o-1")
    rehearsal.latest(key, about.name, dict(about.attributes))
    begin = Begin(types=(about.type,))
    view = View(key=ref.key, types=(), created=rehearsal.by, since=rehearsal.at)
    begun = begin.on(replace(view, attempt=ref.attempt - 1), rehearsal.at)
    if begun is not None:  # a sole serving generation can always begin
        rehearsal.put_record("READ_MODELS_TABLE", VIEWS, begun)


def _a_publish(rehearsal: Rehearsal, event: Event) -> Event:
    """Publish upon whatever version there is, as a request that nobody has sent before."""
    body = json.loads(event["body"])
    del body["version"]
    headers = {**event["headers"], "idempotency-key": new_ulid(rehearsal.now)}
    return {**event, "body": json.dumps(body), "headers": headers}


def _a_file(rehearsal: Rehearsal, event: Event) -> Event:
    """Make a file of two airports at its key in the bucket."""
    uploaded = event["detail"]["object"]
    source = rehearsal.upload(uploaded["key"], CSV.encode())
    placed = {**uploaded, "size": len(CSV), "version-id": source.version_id}
    return {
        **event,
        "detail": {**event["detail"], "bucket": {"name": source.bucket}, "object": placed},
    }


def _a_row(rehearsal: Rehearsal, event: Event) -> Event:
    """Make a single row that a message is to import."""
    (header, first, *_) = csv.reader(io.StringIO(CSV))
    message = json.loads(json.loads(event["Records"][0]["body"])["Message"])
    job = Job(
        key=ImportKey.of(TENANT, message["id"]),
        table="airports",
        source=NO_SOURCE,
        cells=dict(zip(header, first, strict=True)),
        loaded=Loaded(1, tuple(header), tuple(header), Reader.NONE, NO_SOURCE),
        **_begun(rehearsal),
    )
    rehearsal.put_record("IMPORT_TMP_TABLE", IMPORTS, job)
    return event


def _as_it_is(_rehearsal: Rehearsal, event: Event) -> Event:
    """Make nothing: the message only notifies and needs no items."""
    return event


_OTHERS: Final[Mapping[tuple[str, str], Adapt]] = {
    ("api", "handle_request"): _a_publish,
    ("event", "on_file_uploaded"): _a_file,
    ("queue", "digest_failures"): _as_it_is,
    ("queue", "on_import_action"): _a_row,
    ("queue", "on_notification"): _as_it_is,
    ("queue", "publish_live"): _as_it_is,
}
"""The functions that prepare samples without an execution."""
_GO_ON: Final[Mapping[tuple[str, str], Callable[[Event], Event]]] = {
    ("command", "wait_prev_command"): lambda given: {**given, "version": 1},
    ("import-csv", "csv_loader"): dict,
    ("import-csv", "csv_rows_handler"): dict,
    ("import-csv", "csv_rows_handler_jsonl"): dict,
    ("schedule", "finish_imports_ended"): dict,
}
"""The inputs of the executions that go on after a sample."""
_REPAIRS: Final[Mapping[tuple[str, str], Callable[[Event], str]]] = {
    ("approval", "mark_failed"): lambda given: work_path("approvals", given["id"], "retry"),
    ("command", "mark_failed"): lambda given: item_path(
        "commands", given["type"], given["code"], given["version"], "retry"
    ),
    (SAGA, "park_saga"): (retry_saga := lambda given: work_path("sagas", given["id"], "retry")),
    (DECLARED, "park_saga"): retry_saga,
}
_PREPARE: Final[Mapping[str, tuple[Any, str, Prepare]]] = {
    "approval": (ApprovalRef, "APPROVALS_TABLE", _an_approval),
    "command": (CommandRef, "COMMANDS_TABLE", _a_version),
    "import-csv": (ImportKey, "IMPORT_TMP_TABLE", _an_import),
    SAGA: (SagaRef, "SAGAS_TABLE", _a_saga),
    DECLARED: (SagaRef, "SAGAS_TABLE", _a_declared_saga),
    "rebuild": (ViewRef, "READ_MODELS_TABLE", _a_rebuild),
    "task": (TaskRef, "TASKS_TABLE", _a_task),
    "zip-orchestrator": (ZipRef, "IMPORT_TMP_TABLE", _an_archive),
}
"""By machine: the key of its executions, the table that they are named by, and what is made."""
