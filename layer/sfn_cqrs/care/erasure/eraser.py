"""One pass of an erasure through everything that is stored of a tenant.

A pass goes through each table in segments, and then through the objects of the buckets. Each step
does the same again if it is repeated, so a pass that was killed goes on from where it was.

Stored versions are changed in place: their personal fields get neutral values, and everything else
stays. If the latest version of an item was one of them, a further version is published, so that
handlers bring the erased item to the read models.
"""

import secrets
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from sfn_cqrs import bootstrap
from sfn_cqrs.care.erasure.files import Files
from sfn_cqrs.kernel.aws.attributes_bucket import COMMANDS, TASKS, Whose
from sfn_cqrs.kernel.caller import Caller
from sfn_cqrs.kernel.clock import iso
from sfn_cqrs.kernel.erasure import Erasure, blanked, names
from sfn_cqrs.kernel.errors import NotFoundError, SfnCqrsError
from sfn_cqrs.kernel.keys import ErasureKey, ItemKey, task_id_parts
from sfn_cqrs.kernel.models import models
from sfn_cqrs.kernel.models.models import ERASED, Model, Typed
from sfn_cqrs.kernel.tables.dynamodb import Item
from sfn_cqrs.machines.approval import types as approval_types
from sfn_cqrs.machines.approval.rules import Stage
from sfn_cqrs.machines.command import handlers, read_models
from sfn_cqrs.machines.command.items import as_key
from sfn_cqrs.machines.command.service import CommandService
from sfn_cqrs.machines.import_csv.job import JobStatus
from sfn_cqrs.machines.saga import types as saga_types
from sfn_cqrs.machines.saga.rules import SagaStatus
from sfn_cqrs.machines.task import types as task_types
from sfn_cqrs.machines.task.items import as_task_key
from sfn_cqrs.machines.task.rules import Task, TaskStatus

SEGMENTS: Final = 16
CHAINS: Final = ("commands", "data", "history")
TRIES: Final = 3
SHORTEST: Final = 4
"""A shorter text also stands for other things, so only a type's `subject` is compared with it."""
NOTHING: Final = (None, "", 0, ERASED)
"""Values in a row of a read model that say nothing about anybody."""
MOST_KNOWN: Final = 100_000
"""Texts that a function remembers to have compared."""


@dataclass(slots=True)
class Found:
    """The findings of a pass so far.

    How much by place, what is left, how much had to be changed, until when a law keeps it, and
    which items are the reason.
    """

    counts: Counter[str] = field(default_factory=Counter)
    left: dict[str, None] = field(default_factory=dict)
    changed: int = 0
    kept_until: str = ""
    kept: dict[str, None] = field(default_factory=dict)


class Known:
    """What the erasures of one pass have worked out about what they all read."""

    def __init__(self) -> None:
        """Begin without anything."""
        self._ids: dict[tuple[str, str], str] = {}
        self._people: dict[int, tuple[Item, str]] = {}

    def next_partition(self) -> None:
        """Forget the items of the partition before."""
        self._people.clear()

    def id_of(self, tenant: str, text: str) -> str:
        """Return the id that the erasure of a person with this name has."""
        found = self._ids.get((tenant, text))
        if found is None:
            if len(self._ids) >= MOST_KNOWN:
                self._ids.clear()
            found = self._ids[tenant, text] = ErasureKey.of(tenant, text).id
        return found

    def person(self, item: Item, look: Callable[[], str]) -> str:
        """Return whom an item names; one that names nobody is looked at again."""
        _, person = self._people.get(id(item), (item, ""))
        if not person:
            person = look()
            if person:
                self._people[id(item)] = (item, person)
        return person


class Eraser:
    """Goes through what is stored for one erasure."""

    def __init__(self, erasure: Erasure, known: Known | None = None, *, writes: bool) -> None:
        """Erase for one erasure; without `writes`, only count. Others of its pass share `known`."""
        self.erasure = erasure
        self._key = erasure.key
        self._writes = writes
        self._tables = bootstrap.erased_tables()
        self._known = known or Known()
        self.found = Found()
        if erasure.step:  # another function has begun this pass
            self.found = Found(
                Counter(erasure.counts),
                dict.fromkeys(erasure.left),
                erasure.changed,
                erasure.kept_until,
                dict.fromkeys(erasure.kept),
            )

    def visit(self, table: str, items: list[Item]) -> None:
        """Erase what a partition has of the person."""
        _VISITS[table](self, table, items)

    def ends(self) -> list[Callable[[], None]]:
        """Return the steps of a pass that come after the tables."""
        return [self._purge_objects, self._erase_inputs, self._erase_files]

    def _matches(self, text: str) -> bool:
        """Return whether a text is the field that names the person."""
        return self._known.id_of(self._key.tenant, text) == self._key.id

    def _names(self, text: str) -> bool:
        """Return whether a text that nobody has declared names the person."""
        return len(text) >= SHORTEST and self._matches(text)

    # Items: versions, states and rows.

    def _visit_chain(self, table: str, items: list[Item]) -> None:
        if table == "commands":
            self._erase_plans(items)
        for item in items:
            if self._is_chain(table, item) and self._is_about(item):
                self._erase_item(as_key(item), table)
                if table != "data":
                    return

    def _is_chain(self, table: str, item: Item) -> bool:
        is_ours = item.get("tenant") == self._key.tenant
        return is_ours and (table != "commands" or item.get("kind") == "command")

    def _is_about(self, item: Item) -> bool:
        return _typed(item) is not None and self._person_of(item) is True

    def _person_of(self, item: Item) -> bool | None:
        """Return whether an item is about the person, or None if it names nobody."""
        typed = _typed(item)
        if typed is None:
            return None
        if item.get("erased") == self._key.id:
            return True
        pointer = str(item.get("attributes_s3") or "")
        if pointer.count("/") == _DEPTH:  # the folder says whose they are
            return pointer.startswith(f"{_FOLDER}/{self._key.objects}/")
        person = self._known.person(item, lambda: self._person_in(typed, item))
        return self._matches(person) if person else None

    def _person_in(self, typed: Typed, item: Item) -> str:
        return str(typed.person(self._attributes(item)) or "")

    def _attributes(self, item: Item) -> dict[str, Any]:
        """Return an item's attributes in today's shape; those of a lost object are empty."""
        objects = bootstrap.attributes()
        found = objects.of_item(item)
        if found is None:
            found = objects.found(_twin(item)) or {}
        try:
            return models.converted(item["type"], item.get("shape", 1), found)
        except SfnCqrsError:
            self._leave(item, "has versions that its upcast cannot read; repair the upcast")
            return {}

    def _erase_item(self, key: ItemKey, table: str) -> None:
        """Erase all that is stored of an item; a row that has moved meanwhile is read again."""
        for _ in range(TRIES):
            stored = list(self._stored(key))
            about = list(self._about(stored))
            latest = max((one["version"] for place, one in about if place == "commands"), default=0)
            moved = [item for place, item in about if not self._rewrite(place, item, latest)]
            if not moved:
                break
        else:
            self._leave(moved[0], "keeps changing")
        of_table = [item for place, item in about if place == table]
        self.found.counts[table] += len(of_table)
        if table == "commands":
            self.found.counts["objects"] += sum("attributes_s3" in item for item in of_table)
        self._keep(key, [item["updated_at"] for _, item in about])
        if self._writes and table == "commands":
            self._publish(key)

    def _erase_plans(self, items: list[Item]) -> None:
        """Erase what is planned for the person's items: who is due later publishes neutral values.

        A plan that has moved meanwhile is left to the next pass.
        """
        plans = [item for item in items if self._is_plan(item)]
        is_about = bool(plans) and any(
            self._is_chain("commands", item) and self._is_about(item) for item in items
        )
        for plan in plans:
            typed, wanted = _typed(plan), plan["wanted"]
            told = wanted.get("attributes") or {}
            if typed and (is_about or self._matches(str(typed.person(told) or ""))):
                self._erase_plan(plan, typed, wanted)

    def _is_plan(self, item: Item) -> bool:
        return item.get("tenant") == self._key.tenant and item.get("kind") == "plan"

    def _erase_plan(self, plan: Item, typed: Typed, wanted: dict[str, Any]) -> None:
        told = wanted.get("attributes") or {}
        erased = {name: one for name, one in typed.model.erased(told).items() if name in told}
        named = wanted.get("name") and ERASED
        self.found.counts["commands"] += 1
        if not self._writes or (erased == told and named == wanted.get("name")):
            return
        self.found.changed += 1
        neutral = {**wanted, "attributes": erased, "name": named}
        rev = secrets.token_urlsafe(9)
        if not self._tables.change("commands", plan, ("rev",), wanted=neutral, rev=rev):
            self._leave(plan, "keeps changing")

    def _stored(self, key: ItemKey) -> Iterator[tuple[str, Item]]:
        for table in ("commands", "history"):
            for item in self._tables.partition(table, key.pk):
                if self._is_chain(table, item):
                    yield table, item
        for row in self._tables.rows([(key.data_pk, key.sk)]).values():
            yield "data", row

    def _about(self, stored: list[tuple[str, Item]]) -> Iterator[tuple[str, Item]]:
        """Yield the items about the person; one that names nobody belongs to the one before."""
        is_about = False
        for table, item in sorted(stored, key=lambda each: int(each[1]["version"])):
            found = self._person_of(item)
            is_about = is_about if found is None else found
            if is_about:
                yield table, item

    def _rewrite(self, table: str, item: Item, latest: int) -> bool:
        """Replace the personal fields of one item; return False if it has moved.

        A version below the latest holds no unique value any more, so its hashes go as well.
        """
        typed = _typed(item)
        if typed is None or not self._writes:
            return True
        found = self._attributes(item)
        erased = typed.model.erased(found)
        sets: dict[str, Any] = {"name": ERASED, "shape": typed.shape, "erased": self._key.id}
        pointer = item.get("attributes_s3")
        is_hashed = table == "commands" and "unique" in item and item["version"] < latest
        is_erased = item["name"] == ERASED and erased == found and pointer in (None, _twin(item))
        if is_erased and not is_hashed:
            return True
        if is_hashed:
            sets["unique"] = None
        if pointer:
            tenant, command = self._key.tenant, _command_of(item)
            whose = Whose(as_key(item), item["version"])
            name = f"{command}-erased"
            bootstrap.attributes().store(tenant, name, erased, folder=_FOLDER, whose=whose)
            sets["attributes_s3"] = _twin(item)
        else:
            sets["attributes"] = erased
        self.found.changed += 1
        same = ("version", "command_id") if table == "data" else ()
        return self._tables.change(table, item, same, **sets)

    def _keep(self, key: ItemKey, changed: list[str]) -> None:
        typed, name = models.find(key.type), f"{key.type}/{key.code}"
        if typed is None or typed.keep is None or not changed or name in self.erasure.not_kept:
            return
        until = iso(datetime.fromisoformat(max(changed)) + typed.keep)
        if until > iso(bootstrap.now()):
            self.found.kept_until = max(self.found.kept_until, until)
            self.found.kept[name] = None

    def _publish(self, key: ItemKey) -> None:
        """Publish the erased item, unless its latest version says the same already."""
        caller = Caller(user=self.erasure.created.by, erases=True)
        CommandService(key.tenant).publish_partial(key.type, key.code, caller=caller)
        latest = bootstrap.commands().latest(key)
        version = latest.version if latest else 0
        process = bootstrap.processes().find(key, version)
        if process is not None and not process.outcome.is_settled:
            what = f"{key.type}/{key.code}: version {version} is {process.outcome}"
            self.found.left[what] = None

    def _leave(self, item: Item, why: str) -> None:
        self.found.left[f"{item['type']}/{item.get('code', item.get('ulid'))} {why}"] = None

    # Tasks, sagas, approvals, single rows.

    def _visit_work(self, table: str, items: list[Item]) -> None:
        for item in items:
            work = _WORK.get(item.get("kind", ""))
            if work is None or item.get("tenant") != self._key.tenant:
                continue
            fields = [name for name in work.fields if item.get(name) is not None]
            value = {name: item[name] for name in fields}
            is_erased = item.get("erased") == self._key.id
            if is_erased or names(value, self._names) or self._is_about_item(item):
                self._erase_work(table, item, work, value)

    def _is_about_item(self, work: Item) -> bool:
        """Return whether work is about an item that is about the person."""
        of = work.get("item")
        if work["kind"] != "approval" or not of or models.find(of["type"]) is None:
            return False
        key = ItemKey(work["tenant"], of["type"], of["code"])
        rows = self._tables.rows([(key.data_pk, key.sk)]).values()
        return any(map(self._is_about, rows))

    def _erase_work(self, table: str, item: Item, work: "_Work", value: dict[str, Any]) -> None:
        if work.find is task_types.find:
            self._erase_name(item)
        model = work.model(item)
        if model is not None and not model.personal:
            return
        self.found.counts[table] += 1
        if not self._writes:
            return
        if not work.is_closed(item):
            what = item.get("id") or f"{item['kind']} {item['sk']}"
            self.found.left[f"{table}: {what} is not closed yet"] = None
            return
        sets = work.erased(value, model, self._names) | {"erased": self._key.id}
        if sets == value | {"erased": item.get("erased")}:
            return
        same = tuple(name for name in ("rev", "status", "attempt") if name in item)
        if "rev" in item:
            sets["rev"] = secrets.token_urlsafe(9)
        self.found.changed += 1
        self._tables.change(table, item, same, **sets)

    def _erase_name(self, item: Item) -> None:
        """Erase the name of a task, or of an item's task: somebody may have written it freely."""
        key = as_task_key(item)
        task = bootstrap.tasks().find(key)
        if task is None or task.name in NOTHING or not self._writes:
            return
        if not task.status.is_closed:
            self.found.left[f"tasks: {key.id} is not closed yet"] = None
            return
        self.found.changed += 1
        place = {"pk": key.pk, "sk": key.sk}
        self._tables.change("tasks", place, name=ERASED, rev=secrets.token_urlsafe(9))

    # Read models that declare whom their rows are about.

    def _visit_rows(self, table: str, items: list[Item]) -> None:
        for item in items:
            declared = read_models.declared_of(item["pk"], self._key.tenant)
            if declared is None or not declared.subject:
                continue
            is_erased = item.get("erased") == self._key.id
            if not is_erased and not self._matches(str(item.get(declared.subject, ""))):
                continue
            self.found.counts[table] += 1
            if self._writes:
                told = [name for name in declared.personal if item.get(name) not in NOTHING]
                self.found.changed += bool(told)
                sets = dict.fromkeys(told, ERASED)
                self._tables.change(table, item, (), **sets, erased=self._key.id)

    # Objects.

    def _purge_objects(self) -> None:
        """Delete the large attributes of the person, in all their versions.

        Nothing points to them if this pass had nothing to change; and who has read a pointer before
        the previous pass has ended.
        """
        if self._writes and self.erasure.passes and not self.found.changed:
            bootstrap.attributes().purge(f"{self._key.objects}/")

    def _erase_inputs(self) -> None:
        """Erase the inputs of tasks, which stay in the bucket for some weeks."""
        bucket, tenant = bootstrap.attributes(), self._key.tenant
        for name in bucket.names(f"{TASKS}/{tenant}/"):
            value = bootstrap.attributes().found(name)
            if value is None or not names(value, self._names):
                continue
            task = _task_of(tenant, name)
            model = _WORK["task"].model({"type": task.key.type}) if task else None
            if model is not None and not model.personal:
                continue
            self.found.counts["inputs"] += 1
            if task is not None and not task.status.is_closed:
                self.found.left[f"tasks: {task.key.id} is not closed yet"] = None
            elif self._writes:
                erased = _WORK["task"].erased(value, model, self._names)
                if erased != value:
                    self.found.changed += 1
                    bucket.replace(name, erased)

    def _erase_files(self) -> None:
        """Delete the files of imports that have a row of the person."""
        files = Files(self.erasure, self._names, self._busy_files(), writes=self._writes)
        files.run()
        if not self._writes:
            self.found.counts["files"] = files.count
        self.found.left |= dict.fromkeys(files.left)

    def _busy_files(self) -> set[str]:
        """Return the names of the imports, and the keys of the files, that are still read."""
        busy: set[str] = set()
        for number in range(SEGMENTS):
            for items in self._tables.partitions("imports", number, SEGMENTS):
                for item in items:
                    is_job = item.get("kind") in ("job", "zip")
                    if is_job and item["tenant"] == self._key.tenant and _is_read(item):
                        busy |= {item["id"], (item.get("source") or {}).get("key", "")}
        return busy - {""}


_FOLDER: Final = COMMANDS
_DEPTH: Final = 3
"""Slashes in the key of an object in a person's folder."""


def _typed(item: Item) -> Typed | None:
    typed = models.find(item.get("type", ""))
    return typed if typed and typed.subject and typed.model.personal else None


def _command_of(item: Item) -> str:
    return str(item.get("command_id") or item["id"])


def _twin(item: Item) -> str:
    """Return the key of the object that has an item's attributes without the personal fields."""
    return f"{_FOLDER}/{item['tenant']}/{_command_of(item)}-erased.json"


def _task_of(tenant: str, name: str) -> Task | None:
    """Return the task whose input an object is, or None if it has expired or was never stored."""
    try:
        kind, ulid = task_id_parts(name.rpartition("/")[2].removesuffix(".json"))
    except NotFoundError:
        return None  # the plan of a repair
    key = bootstrap.tasks().locate(tenant, kind, ulid)
    return bootstrap.tasks().find(key) if key else None


def _is_read(item: Item) -> bool:
    return JobStatus(item["status"]).is_open or (item["kind"] == "zip" and "settled" not in item)


@dataclass(frozen=True, slots=True)
class _Work:
    """How one kind of work is erased once it is closed."""

    fields: tuple[str, ...]
    is_closed: Callable[[Item], bool]
    find: Callable[[object], Any] | None = None
    named: str = "type"
    modelled: str = "input"

    def model(self, item: Item) -> Model | None:
        """Return the model of an item's type, if it has one and is still declared."""
        if self.find is None:
            return None
        with suppress(SfnCqrsError):  # no longer declared
            model: Model | None = self.find(item[self.named]).model
            return model
        return None

    def erased(
        self, value: dict[str, Any], model: Model | None, matches: Callable[[str], bool]
    ) -> dict[str, Any]:
        """Return the fields without what is personal: all texts, or those that a model marks."""
        erased: dict[str, Any] = {}
        for name, each in value.items():
            if name == self.modelled and model is not None:
                is_many = isinstance(each, list)
                erased[name] = (
                    [model.erased(one) for one in each] if is_many else model.erased(each)
                )
            elif name == "log":
                erased[name] = {step: _closed_entry(entry) for step, entry in each.items()}
            elif name == "votes":
                erased[name] = [{**vote, "reason": ERASED} for vote in each]
            else:
                erased[name] = ERASED if isinstance(each, str) else blanked(each, matches)
        return erased


def _closed_entry(entry: dict[str, Any]) -> dict[str, Any]:
    gone = {name: ERASED for name in ("result", "cause") if entry.get(name) is not None}
    return {**entry, **gone}


def _has_ended(item: Item) -> bool:
    return TaskStatus(item["status"]).is_closed


_WORK: Final[dict[str, _Work]] = {
    "task": _Work(("name", "input"), _has_ended, task_types.find),
    "item": _Work(("input", "result", "cause"), _has_ended, task_types.find),
    "saga": _Work(
        ("name", "input", "log", "cause"),
        lambda item: SagaStatus(item["status"]) in (SagaStatus.COMPLETED, SagaStatus.COMPENSATED),
        saga_types.find,
        "saga",
    ),
    "approval": _Work(
        ("subject", "payload", "note", "votes", "cause"),
        lambda item: Stage(item["stage"]).is_closed,
        approval_types.find,
        modelled="payload",
    ),
    "job": _Work(("cells",), lambda item: not JobStatus(item["status"]).is_open),
}


_VISITS: Final[dict[str, Callable[[Eraser, str, list[Item]], None]]] = {
    **dict.fromkeys(CHAINS, Eraser._visit_chain),
    **dict.fromkeys(("tasks", "sagas", "approvals", "imports"), Eraser._visit_work),
    "read_models": Eraser._visit_rows,
}
TABLES: Final = tuple(_VISITS)
"""The tables that a pass goes through, in their order; a law is looked for in `CHAINS`."""


def segments(tables: Sequence[str]) -> list[tuple[str, int]]:
    """Return the parts of tables that a pass reads one after the other."""
    return [(table, number) for table in tables for number in range(SEGMENTS)]


def read(segment: tuple[str, int], known: Known, erasers: Sequence[Eraser]) -> None:
    """Read a part of a table once, for all erasures that are at it."""
    table, number = segment
    for items in bootstrap.erased_tables().partitions(table, number, SEGMENTS):
        known.next_partition()
        for eraser in erasers:
            eraser.visit(table, items)


def keeps_anything() -> bool:
    """Return whether a type must be kept for some time."""
    return any(
        typed.keep for type_ in handlers.types() if (typed := models.find(type_)) is not None
    )
