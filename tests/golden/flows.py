"""Executions that are kept: where each is interrupted, how it comes there, how it goes on."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

from tests.support.declared_orders import declared_orders
from tests.support.import_system import a_file, a_line
from tests.support.orders import NOWHERE
from tests.support.whole_system import WholeSystem


class Place(NamedTuple):
    """Where an execution is: before a state runs, or in one that waits for its token."""

    machine: str
    state: str

    def __str__(self) -> str:
        return f"{self.machine}.{self.state}"


@dataclass(frozen=True)
class Flow:
    """What brings an execution to its place, and what has to come so that it goes on, and how.

    `earlier` and `today` are what the release that began it declares, and what today's does.
    """

    place: Place
    begin: Callable[[WholeSystem], object]
    go_on: Callable[[WholeSystem], object] = lambda _system: None
    how: str = ""
    earlier: Callable[[], AbstractContextManager[None]] = nullcontext
    today: Callable[[], AbstractContextManager[None]] = nullcontext

    def __str__(self) -> str:
        return f"{self.place}.{self.how}" if self.how else str(self.place)


def _two_versions(system: WholeSystem) -> None:
    """The second one comes first, and waits."""
    for name in ("first", "second"):
        system.order(name=name, version=-1, key=name)
    system.poll()
    system.stream.pending = system.stream.pending[1:]


def _command(system: WholeSystem) -> None:
    system.order(name="o", key="first")


def _failing(system: WholeSystem) -> None:
    system.order(name="o", attributes=NOWHERE, key="first")


def _task(system: WholeSystem) -> None:
    system.remind("a@x.org", "nobody", key="task")


def _approval(system: WholeSystem) -> None:
    _command(system)
    system.settle()
    system.ask_release(key="approval")


def _decide(verb: str) -> Callable[[WholeSystem], None]:
    def decide(system: WholeSystem) -> None:
        (approval,) = system.ask("GET", "/approvals", query="status=OPEN")["items"]
        system.decide(approval["id"], verb)

    return decide


def _expire(system: WholeSystem) -> None:
    system.pass_time(8 * 24 * 3600)


def _import(system: WholeSystem) -> None:
    system.import_file(a_line("RJAA"), a_line("RJTT", lat="x"))


def _import_jsonl(system: WholeSystem) -> None:
    """A file that Step Functions cannot read itself."""
    rows = a_file([a_line("RJAA"), a_line("RJTT")], delimiter=";", lineterminator="\n")
    system.import_file(body=rows, delimiter=";")


def _archive(system: WholeSystem) -> None:
    system.import_archive(a_line("RJAA"))


def _saga(card: str = "visa") -> Callable[[WholeSystem], None]:
    def buy(system: WholeSystem) -> None:
        system.stock(9, mode="sync", version=0)
        system.settle()
        system.buy("o-1", card, key="saga")

    return buy


def _declared(state: str, card: str = "visa") -> Flow:
    """A saga that was declared otherwise when it began."""
    changed = partial(declared_orders, is_changed=True)
    begin = _saga(card)
    return Flow(Place("saga", state), begin, earlier=declared_orders, today=changed)


FLOWS = (
    Flow(Place("command", "check_version"), _command),
    Flow(Place("command", "wait_prev_command"), _two_versions),
    Flow(Place("command", "sync_data"), _command),
    Flow(Place("command", "mark_failed"), _failing),
    Flow(Place("task", "iterator"), _task),
    Flow(Place("task", "finalize_task"), _task),
    Flow(Place("approval", "check_decision"), _approval, _decide("approve")),
    Flow(Place("approval", "request_approval"), _approval, _decide("approve"), "approved"),
    Flow(Place("approval", "request_approval"), _approval, _decide("reject"), "rejected"),
    Flow(Place("approval", "request_approval"), _approval, _expire, "expired"),
    Flow(Place("import-csv", "csv_loader"), _import),
    Flow(Place("import-csv", "csv_rows_handler"), _import),
    Flow(Place("import-csv", "csv_rows_handler_jsonl"), _import_jsonl),
    Flow(Place("import-csv", "finalize_parent_job"), _import),
    Flow(Place("zip-orchestrator", "list_zip"), _archive),
    Flow(Place("zip-orchestrator", "trigger_single_csv_and_wait"), _archive),
    Flow(Place("order-saga", "resume"), _saga()),
    Flow(Place("order-saga", "charge_payment"), _saga()),
    Flow(Place("order-saga", "ship_order"), _saga()),
    Flow(Place("order-saga", "release_stock"), _saga(card="declined")),
    Flow(Place("order-saga", "finish_saga"), _saga()),
    _declared("resume"),
    _declared("run_steps"),
    _declared("undo_steps", card="declined"),
    _declared("finish_saga"),
)
