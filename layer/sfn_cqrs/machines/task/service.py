"""Tasks from the outside: create, look, cancel, retry."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from sfn_cqrs import bootstrap
from sfn_cqrs.kernel.aws.attributes_bucket import TASKS
from sfn_cqrs.kernel.caller import Caller
from sfn_cqrs.kernel.clock import iso, new_ulid
from sfn_cqrs.kernel.command import checked_name
from sfn_cqrs.kernel.errors import NotFoundError
from sfn_cqrs.kernel.functions.requests import create_once, made_by, seen_id
from sfn_cqrs.kernel.keys import (
    DEFAULT_CONCURRENCY,
    TaskKey,
    TaskKind,
    checked_key_part,
    checked_tenant,
    task_id_parts,
)
from sfn_cqrs.kernel.models import models
from sfn_cqrs.kernel.notices import depth_here
from sfn_cqrs.kernel.policy import Client
from sfn_cqrs.kernel.tables.paging import DEFAULT_LIMIT, Page
from sfn_cqrs.kernel.values import Json, digest
from sfn_cqrs.machines.task import programs as task_programs
from sfn_cqrs.machines.task import types as task_types
from sfn_cqrs.machines.task.rules import Item, Task, TaskStatus, checked_input, checked_items
from sfn_cqrs.machines.task.runner import TaskFlow


@dataclass(frozen=True, slots=True)
class TaskState:
    """The current state of a task and its items."""

    task: Task
    items: list[Item]

    @property
    def counts(self) -> dict[str, int]:
        """Return how many items have each status; items not stored yet count as CREATED."""
        counted = Counter(item.status for item in self.items)
        counted[TaskStatus.CREATED] += self.task.total - len(self.items)
        shown = (status for status in TaskStatus if status is not TaskStatus.QUEUED)
        return {"total": self.task.total, **{one.lower(): counted[one] for one in shown}}


class TaskService:
    """The tasks of a tenant, named by their public ids: `t-…` of many items, `s-…` of one.

    A handler that `task_handler` registers works on each item, in the background.
    """

    def __init__(self, tenant: str, client: Client | None = None) -> None:
        """Work for one tenant, and for a client, or for code. Each type declares who may do what.

        Raises:
            InvalidInputError: no key can hold this tenant.
        """
        self._tenant = checked_tenant(tenant)
        self._client = client

    def create(
        self,
        task_type: str,
        items: Sequence[Json],
        *,
        name: str = "",
        caller: Caller | None = None,
    ) -> str:
        """Create a task of 1 to 1,000 items, each of any JSON, and return its id.

        Raises:
            UnknownTaskTypeError: no handler is registered for the type.
            NotPermittedError: the caller is a client, and the type does not allow it.
            NoItemsError, TooManyItemsError, ItemTooLargeError: there are too few or too many items,
                or one is too large.
            InvalidInputError: another value cannot be stored.
            IdempotencyMismatchError: the caller's idempotency key was used for something else.
        """
        return self._create(task_type, TaskKind.BATCH, items, name, caller or Caller())

    def create_single(
        self,
        task_type: str,
        value: dict[str, Json],
        *,
        name: str = "",
        caller: Caller | None = None,
    ) -> str:
        """Create a task of one item, an object, and return its id; no machine runs for it.

        Raises:
            UnknownTaskTypeError: no handler is registered for the type.
            NotPermittedError: the caller is a client, and the type does not allow it.
            ItemTooLargeError: the object is too large.
            InvalidInputError: another value cannot be stored.
            IdempotencyMismatchError: the caller's idempotency key was used for something else.
        """
        return self._create(task_type, TaskKind.SINGLE, value, name, caller or Caller())

    def get(self, id_: str) -> TaskState:
        """Return a task with all its items, without their inputs.

        Raises:
            NotFoundError: there is no such task.
        """
        key = self._key(id_)
        task_types.find_or_failing(key.type).check_read(self._client)
        task = bootstrap.tasks().find(key)
        if task is None:
            raise NotFoundError(f"task {id_} does not exist")
        return TaskState(task, bootstrap.tasks().items(key))

    def list(
        self,
        task_type: str,
        *,
        kind: TaskKind = TaskKind.BATCH,
        limit: int = DEFAULT_LIMIT,
        cursor: str | None = None,
    ) -> Page[Task]:
        """Return a page of the tasks of a type and kind, the newest first; limit 1 to 100.

        Raises:
            InvalidInputError: no key can hold the type.
        """
        if self._client is not None:
            task_types.find_or_failing(task_type).check_read(self._client)
        type_ = checked_key_part(task_type, "taskType")
        return bootstrap.tasks().page(TaskKey(self._tenant, type_, "", kind), limit, cursor)

    def cancel(self, id_: str) -> Task:
        """Start no further item; running items finish, and then the task ends.

        Raises:
            NotFoundError: there is no such task.
            NotOpenError: it has ended.
        """
        return TaskFlow(self._own(id_)).run(task_programs.cancel())

    def retry(self, id_: str) -> Task:
        """Run the failed or cancelled items again, as the next attempt.

        Raises:
            NotFoundError: there is no such task.
            NotFailedError: it is neither FAILED nor CANCELLED.
            TaskBusyError: a function may still be working on one of the items.
        """
        now = bootstrap.now().timestamp()
        return TaskFlow(self._own(id_)).run(task_programs.retry(now, depth_here()))

    def _key(self, id_: str) -> TaskKey:
        key = bootstrap.tasks().locate(self._tenant, *task_id_parts(id_))
        if key is None:
            raise NotFoundError(f"task {id_} does not exist")
        return key

    def _own(self, id_: str) -> TaskKey:
        """Return the key of a task that the client may also start."""
        key = self._key(id_)
        task_types.find_or_failing(key.type).check_publish(self._client)
        return key

    def _create(
        self, task_type: str, kind: TaskKind, value: object, name: object, caller: Caller
    ) -> str:
        known = task_types.find(task_type)
        known.check_publish(caller.client)
        type_ = known.name
        items = checked_items(value) if kind is TaskKind.BATCH else checked_input(value)
        asked = digest(["task", type_, str(kind), list(items), checked_name(name)])
        seen = seen_id(self._tenant, caller.request_key, asked)
        if seen is not None:
            return seen
        is_single = kind is TaskKind.SINGLE
        paths = ["input" if is_single else f"input[{number}]" for number in range(len(items))]
        models.check_all(known.model, dict(zip(paths, items, strict=True)))
        key = TaskKey(self._tenant, type_, new_ulid(bootstrap.now()), kind)
        called = checked_name(name) or type_
        task = new_task(key, called, items, caller, concurrency=known.concurrency)
        return create_once(bootstrap.tasks(), task, caller.request_key, asked)


def new_task(
    key: TaskKey,
    name: str,
    items: tuple[Json, ...],
    caller: Caller,
    *,
    concurrency: int = DEFAULT_CONCURRENCY,
) -> Task:
    """Return a new task; a large input is stored next to it."""
    at = iso(bootstrap.now())
    stored = bootstrap.attributes().store_if_large(
        key.tenant, key.id, {"input": list(items)}, folder=TASKS
    )
    return Task(
        key=key,
        name=name,
        total=len(items),
        left=len(items),
        input=items if stored is None else None,
        input_s3=stored,
        opened_at=at,
        concurrency=concurrency,
        **made_by(caller, at),
    )
