"""What it costs to erase a person, and what a publish pays for it.

Three hundred items are stored; a person has ten of them, with three versions each. Counted is what
goes over the wire: a publish of a type with `subject=` and of one without, and both passes of an
erasure. A stack of a million items is reckoned by that: an erasure reads all tables.
"""

import json
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Annotated

from report import Figure, main
from stacks import a_stack
from waiting import until_quiet

from sfn_cqrs import bootstrap
from sfn_cqrs.care.erasure import eraser
from sfn_cqrs.care.erasure.service import ErasureService
from sfn_cqrs.kernel.clock import iso
from sfn_cqrs.kernel.command import Audit
from sfn_cqrs.kernel.erasure import Erasure, Status
from sfn_cqrs.kernel.functions.logs import logger
from sfn_cqrs.kernel.models.models import Personal
from sfn_cqrs.kernel.values import Json
from sfn_cqrs.machines.command.handlers import command_type
from sfn_cqrs.machines.command.service import CommandService
from sfn_cqrs_tools.client.prices import DOLLARS, MILLION
from sfn_cqrs_tools.runtime.recorder import Recorder
from sfn_cqrs_tools.stack.local_stack import LocalStack

TENANT, PERSON, ERASES = "tenant1", "person-0000", "ScheduleErasePeopleFunction"
ITEMS, OF_ONE, VERSIONS = 300, 10, 3
PUBLISHES = 100
READS_MORE = 1.0
"""Read units that a version about a person may take beside those of others."""


@dataclass(frozen=True)
class Letter:
    """What is stored about a person."""

    reader: str
    text: Annotated[str, Personal] = ""


@dataclass(frozen=True)
class Note:
    """The same without a person."""

    reader: str
    text: str = ""


def measure() -> list[Figure]:
    """Measure publishes, then an erasure."""
    logger.setLevel("WARNING")
    vars(eraser)["SEGMENTS"] = 1  # each takes a unit, however small the tables are
    command_type("LETTER", model=Letter, subject="reader")
    command_type("NOTE", model=Note)
    recorder = Recorder()
    with a_stack(recorder) as stack:
        more = (_published(recorder, "LETTER") - _published(recorder, "NOTE")) / PUBLISHES
        return [
            Figure("read units more, a version about a person", more, "RRU", READS_MORE),
            *_erased(stack, recorder),
        ]


def _published(recorder: Recorder, type_: str) -> float:
    until_quiet(recorder)
    recorder.clear()
    for number in range(PUBLISHES):
        _publish(type_, f"p-{number}", "person-9999", 0)
    read = recorder.read_units
    until_quiet(recorder)
    return read


def _publish(type_: str, code: str, reader: str, version: int) -> None:
    attributes: dict[str, Json] = {"reader": reader, "text": f"{'x' * 200} {version}"}
    service = CommandService(TENANT)
    service.publish_sync(type_, code, name=code, attributes=attributes, version=version)


def _erased(stack: LocalStack, recorder: Recorder) -> list[Figure]:
    for number in range(ITEMS):
        for version in range(VERSIONS):
            _publish("LETTER", f"l-{number}", f"person-{number // OF_ONE:04}", version)
    until_quiet(recorder)
    recorder.clear()
    asked = ErasureService(TENANT).ask(PERSON, "a benchmark", Audit(iso(bootstrap.now())))
    _pass(stack, asked)
    until_quiet(recorder)
    _pass(stack, asked)
    until_quiet(recorder)
    done = bootstrap.erasures().find(asked.key)
    assert done is not None
    assert done.status is Status.DONE, done
    assert done.counts["commands"] == OF_ONE * (VERSIONS + 1), done
    read, versions = recorder.read_units, done.counts["commands"]
    dollars = read * DOLLARS["read unit"]
    return [
        Figure("read units of an erasure, for each stored item", read / ITEMS, "RRU"),
        Figure("write units, for a version of the person", recorder.write_units / versions, "WRU"),
        Figure("an erasure, with a million items stored", dollars / ITEMS * MILLION, "$"),
    ]


def _pass(stack: LocalStack, asked: Erasure) -> None:
    """Go through everything now, as the function does an hour later."""
    found = bootstrap.erasures().find(asked.key)
    assert found is not None
    if found.settles_at:
        bootstrap.erasures().change(asked.key, _Now())
    detail = {"tenant": TENANT, "erasure": asked.key.id}
    stack.functions.invoke(ERASES, json.dumps({"detail": detail}).encode())


class _Now:
    """The time between two passes is over."""

    def on(self, erasure: Erasure, at: str) -> Erasure:
        return replace(erasure, settles_at=iso(bootstrap.now() - timedelta(seconds=1)) or at)


if __name__ == "__main__":
    main("What it costs to erase a person", measure)
