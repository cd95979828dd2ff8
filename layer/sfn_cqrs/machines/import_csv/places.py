"""How many imports run at a time, of one tenant and of all; the rest waits, the oldest is next.

A file or an archive takes a place before its execution starts, and leaves it when it has ended.
A place that nobody left is found by whoever has others begin, so none is lost when a function
dies. An import that comes while another waits for the same place also waits: none overtakes.
"""

from collections.abc import Iterator, Set
from dataclasses import dataclass, field, replace
from typing import Protocol

from sfn_cqrs.kernel.keys import ImportKey, QueueKey
from sfn_cqrs.kernel.records import Record
from sfn_cqrs.machines.import_csv.job import ImportRecord

IMPORTS = QueueKey("IMPORTS")


@dataclass(frozen=True, slots=True)
class Places:
    """Imports at a time, of one tenant and of all; batches of each at a time, and their rows."""

    tenant: int
    all: int
    batches: int = 50
    rows: int = 100


@dataclass(frozen=True, slots=True)
class Turn:
    """An import that waits for its turn, or has it: its tenant and its public id."""

    tenant: str
    id: str

    def __str__(self) -> str:
        """As the queue knows it."""
        return f"{self.tenant}/{self.id}"

    @classmethod
    def of(cls, name: str) -> "Turn":
        """Read one that the queue knows."""
        tenant, _, id_ = name.rpartition("/")
        return cls(tenant, id_)


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportQueue(Record):
    """Which imports have a place, and since when; and the tenants of which some wait."""

    key: QueueKey = IMPORTS
    running: dict[str, str] = field(default_factory=dict)
    waiting: frozenset[str] = frozenset()

    def has_room(self, tenant: str, places: Places) -> bool:
        """Whether one more of a tenant may run."""
        of_tenant = sum(Turn.of(name).tenant == tenant for name in self.running)
        return of_tenant < places.tenant and len(self.running) < places.all


@dataclass(frozen=True, slots=True)
class Admit:
    """The oldest one for which there is room takes its place; refused if there is none."""

    turn: Turn
    places: Places

    def on(self, queue: ImportQueue, at: str) -> ImportQueue | None:
        if str(self.turn) in queue.running:
            return queue
        if not queue.has_room(self.turn.tenant, self.places):
            return None
        return replace(queue, running=queue.running | {str(self.turn): at})


@dataclass(frozen=True, slots=True)
class Arrive(Admit):
    """Give a new import a place, unless there is none or others wait for it."""

    def on(self, queue: ImportQueue, at: str) -> ImportQueue | None:
        others_wait = any(queue.has_room(each, self.places) for each in queue.waiting)
        must_wait = str(self.turn) not in queue.running and others_wait
        admitted = None if must_wait else Admit.on(self, queue, at)
        return admitted or replace(queue, waiting=queue.waiting | {self.turn.tenant})


@dataclass(frozen=True, slots=True)
class Leave:
    """These have ended."""

    turns: frozenset[Turn]

    def on(self, queue: ImportQueue, _at: str) -> ImportQueue | None:
        ended = {str(turn) for turn in self.turns}
        left = {name: since for name, since in queue.running.items() if name not in ended}
        return replace(queue, running=left) if len(left) < len(queue.running) else queue


@dataclass(frozen=True, slots=True)
class Settle:
    """All that waited have been looked at: of the tenants that were `seen`, some are `left`."""

    seen: Set[str]
    left: Set[str]

    def on(self, queue: ImportQueue, _at: str) -> ImportQueue | None:
        waiting = (queue.waiting - self.seen) | self.left
        return queue if waiting == queue.waiting else replace(queue, waiting=waiting)


class EveryImport(Protocol):
    """The imports that share the queue and the budgets, whatever machine has them."""

    def find(self, tenant: str, id_: str) -> ImportRecord | None:
        """Return a job by its id, or None if there is none."""

    def parts(self, tenant: str, id_: str) -> list[ImportKey]:
        """Return the keys of the imports that make up an import: its own, or its files' ones."""

    def waiting(self) -> Iterator[ImportRecord]:
        """Yield those that queue and whose execution has not started, the oldest first."""

    def start(self, job: ImportRecord) -> None:
        """Start a job's execution, once."""
