"""What AWS charges for an audit, a preview, a what-if, a lake, and for a tenant's moves.

Two hundred items are stored, with three versions each and one row of a read model. Counted is what
goes over the wire. A million items are reckoned by that, at list prices in us-east-1.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import boto3
from report import Figure, main
from stacks import a_stack
from undo import import_rows, some_airports
from waiting import until_quiet

from sfn_cqrs import bootstrap
from sfn_cqrs.care.audit.service import Audit
from sfn_cqrs.care.tenants.export import states
from sfn_cqrs.care.tenants.restore import Restore
from sfn_cqrs.care.tenants.service import exported, import_lines
from sfn_cqrs.kernel.clock import iso
from sfn_cqrs.kernel.command import Command
from sfn_cqrs.kernel.functions.logs import logger
from sfn_cqrs.kernel.values import Json
from sfn_cqrs.machines.command.handlers import command_type, sync_handler
from sfn_cqrs.machines.command.service import CommandService
from sfn_cqrs_tools.client.prices import DOLLARS, MILLION
from sfn_cqrs_tools.replay.replaying import Replay, Wanted
from sfn_cqrs_tools.runtime.recorder import Recorder

TENANT, OTHER, TYPE = "tenant1", "tenant2", "BENCH_NOTE"
ITEMS, VERSIONS = 200, 3
BEGINS_MORE = ("a preview", "a restore to a moment")
BATCHED = {"an export of a tenant": 1.0}
"""Units an item by BatchGetItem, of which the local DynamoDB tells none: its row."""
EVENT = 1e-6
"""An event on a bus of one's own."""


@dataclass(frozen=True)
class Spent:
    """Units that something has taken."""

    read: float
    written: float

    @property
    def dollars(self) -> float:
        """Return their list price."""
        return self.read * DOLLARS["read unit"] + self.written * DOLLARS["write unit"]


def measure() -> list[Figure]:
    """Fill a stack, and measure one after the other."""
    logger.setLevel("WARNING")
    command_type(TYPE)

    @sync_handler(TYPE)
    def bench_notes(command: Command) -> None:
        row = {"text": command.attributes["text"], "version": command.version}
        bootstrap.read_model("bench_notes").put_if_newer(
            command.key.tenant, "all", command.key.code, row
        )

    recorder = Recorder()
    with a_stack(recorder) as stack:
        before = _filled()
        until_quiet(recorder)
        lines = list(exported(TENANT))
        rows = some_airports(ITEMS)
        done: dict[str, Callable[[], object]] = {
            "an audit": lambda: Audit(TENANT).run(),
            "what-if": _replayed,
            "a whole export to a lake": lambda: list(states(TENANT, "")),
            "an export of a tenant": lambda: list(exported(TENANT)),
            "a dry run of a restore to a moment": lambda: _restored(before, writes=False),
            "a preview": lambda: import_rows(stack, "airports", rows, is_dry_run=True),
            "a restore to a moment": lambda: _restored(before, writes=True),
            "an import of a tenant": lambda: import_lines(OTHER, lines),
        }
        found = {name: _spent(recorder, name, work) for name, work in done.items()}
    return [
        *_figures(found),
        Figure("a million notices on a bus", EVENT * MILLION, "$"),
    ]


def _figures(found: dict[str, Spent]) -> Iterator[Figure]:
    for name, spent in found.items():
        yield Figure(f"{name}: read units an item", spent.read / ITEMS, "RRU")
        if spent.written > ITEMS:
            yield Figure(f"{name}: write units an item", spent.written / ITEMS, "WRU")
        yield Figure(f"{name}, a million items", spent.dollars / ITEMS * MILLION, "$")


def _filled() -> str:
    """Store the items; answer the moment before their last version."""
    moment = ""
    for version in range(VERSIONS):
        if version == VERSIONS - 1:
            moment = iso(bootstrap.now())
            time.sleep(0.01)  # a version of the same millisecond would be one of before
        for number in range(ITEMS):
            attributes: dict[str, Json] = {"text": f"{'x' * 200} {version}"}
            service = CommandService(TENANT)
            service.publish_sync(
                TYPE, f"n-{number}", name="a note", attributes=attributes, version=version
            )
    return moment


def _replayed() -> None:
    wanted = Wanted(tenant=TENANT, types=(TYPE,))
    report = Replay(boto3.client("dynamodb"), boto3.client("s3"), wanted).run()
    assert (report.items, report.rows) == (ITEMS, []), report


def _restored(moment: str, *, writes: bool) -> None:
    fates = [str(one.fate) for one in Restore(TENANT, moment, writes=writes).run()]
    assert fates.count("restored") == ITEMS, fates


def _spent(recorder: Recorder, name: str, work: Callable[[], object]) -> Spent:
    """Count the units of work, also of what it has begun in the stack."""
    recorder.clear()
    work()
    if name in BEGINS_MORE:
        until_quiet(recorder)
    batched = BATCHED.get(name, 0.0) * ITEMS
    return Spent(recorder.read_units + batched, recorder.write_units)


if __name__ == "__main__":
    main("What AWS charges for audits, previews, what-if, lakes and tenants", measure)
