"""A person is erased beside live commands, an import and its undo; the seed decides who is next.

However they meet, and wherever the erasure is killed: at the end nothing is stored that is personal
about the person, nothing about others is lost, and an audit finds nothing.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Annotated, Any
from unittest import mock

import pytest
from tests.simulation.test_import_interleavings import (
    ASYNC,
    SYNC,
    ImportSystem,
    a_job,
)
from tests.simulation.test_undo_interleavings import batches_to_undo, undo_of
from tests.support.calls import AwsCall
from tests.support.proof import deep, sampled
from tests.support.system import TENANT
from tests.support.typed import declaring

from sfn_cqrs import bootstrap
from sfn_cqrs.care.audit.service import Audit
from sfn_cqrs.care.erasure import eraser
from sfn_cqrs.care.erasure.service import ErasureService, work
from sfn_cqrs.kernel.command import Audit as By
from sfn_cqrs.kernel.command import Command
from sfn_cqrs.kernel.erasure import Erasure, Status
from sfn_cqrs.kernel.errors import TransientError
from sfn_cqrs.kernel.keys import ErasureKey, ItemKey
from sfn_cqrs.kernel.models.models import Personal
from sfn_cqrs.kernel.policy import MEMBERS
from sfn_cqrs.machines.command.handlers import command_type, sync_handler
from sfn_cqrs.machines.import_csv.csv.rows import Row
from sfn_cqrs.machines.import_csv.job import NO_SOURCE, Job, Loaded, Reader
from sfn_cqrs.machines.import_csv.model_strategy import ModelStrategy
from sfn_cqrs.machines.import_csv.results import PublishMode
from sfn_cqrs.machines.import_csv.strategies import import_strategy
from sfn_cqrs_tools.testing.fakes.stored import TABLES

ADA, BOB = "person-ada", "person-bob"
CODES = [f"l-{number}" for number in range(4)]
COLUMNS = ("number", "reader", "text")
LARGE = "x" * 5_000


@dataclass(frozen=True)
class Letter:
    reader: str
    text: Annotated[str, Personal] = ""


@contextmanager
def letters() -> Iterator[None]:
    """Declare the type, its read model and its imports, for one test."""
    with declaring(), mock.patch.object(eraser, "SEGMENTS", 1):
        command_type("LETTER", publish=MEMBERS, model=Letter, subject="reader")

        @sync_handler("LETTER")
        def letters_by_code(command: Command) -> None:
            row = {"text": command.attributes.get("text"), "version": command.version}
            view = bootstrap.read_model("letters_by_code")
            view.put_if_newer(command.key.tenant, "all", command.key.code, row)

        @import_strategy("letters", publish=MEMBERS)
        class Letters(ModelStrategy):
            type = "LETTER"
            attributes = Letter
            code = "number"

        yield


class ErasureSystem(ImportSystem):
    """A system in which the erasure is killed now and then, as the batches of imports are."""

    table = "letters"
    refusals = (*ImportSystem.refusals, TransientError)

    def _maybe_kill(self, call: AwsCall, moment: str) -> None:
        if call.function == "erase":
            call = AwsCall("batch", call.invocation, call.number, call.operation)
        super()._maybe_kill(call, moment)

    def parts(self) -> dict[str, Any]:
        return {**super().parts(), "audit_tables": self.world.erased_tables}

    def write(self, code: str, *, is_sync: bool, **attributes: str) -> Callable[[], None]:
        """Publish a letter about somebody; tried until it is taken."""
        return self.command("LETTER", code, attributes["text"][:40], is_sync=is_sync, **attributes)

    def erase(self) -> Callable[[], None]:
        """Go through everything once, from where a killed function was."""
        return self.until_taken("erase", lambda: work(self.erasure, lambda: False))

    @property
    def erasure(self) -> Erasure:
        found = bootstrap.erasures().find(ErasureKey.of(TENANT, ADA))
        assert found is not None
        return found

    @property
    def text(self) -> str:
        """All that is stored."""
        tables = [self.world._items(name) for name in TABLES]
        return f"{tables} {self.world.objects.versions}"


def a_row(number: int, code: str, reader: str) -> Row:
    return Row(number, [code, reader, f"canary row {number} to {reader}"])


def of_letters(letter: str, mode: PublishMode) -> Job:
    loaded = Loaded(0, COLUMNS, COLUMNS, Reader.NONE, NO_SOURCE)
    return replace(a_job(letter, mode), table="letters", loaded=loaded)


def import_and_undo(system: ErasureSystem, job: Job, undo: Job) -> Callable[[], None]:
    rows = [a_row(n, code, ADA if n % 3 else BOB) for n, code in enumerate(CODES, 2)]

    def both() -> None:
        system.deliver(job, rows)()
        for batch in batches_to_undo(job):
            system.spawn(system.deliver(undo, batch))

    return both


def end(system: ErasureSystem) -> None:
    """Let all come to rest, and the erasure make its last passes."""
    system.settle()
    for _ in range(4):
        if system.erasure.status is Status.DONE:
            return
        system.pass_time(25 * 60)
        system.spawn(system.erase())
        system.settle()


@pytest.mark.parametrize("mode", [SYNC, ASYNC])
@pytest.mark.parametrize("seed", sampled(range(deep(50, 400)), 2))
def test_however_they_meet_nothing_about_the_person_is_left(seed, mode):
    with ErasureSystem(seed) as system, letters():
        job = of_letters("A", mode)
        for number, code in enumerate(CODES):
            text = f"canary {number}" + (LARGE if number == 1 else "")
            system.spawn(system.write(code, is_sync=number % 2 == 0, reader=ADA, text=text))
        if seed % 2:
            system.settle()
        ErasureService(TENANT).ask(ADA, "asked for", By("2026-11-25T08:00:00.000Z", "op1"))
        system.spawn(system.erase())
        system.spawn(import_and_undo(system, job, undo_of(job, "B")))
        for number, code in enumerate(CODES):
            reader = BOB if number == 2 else ADA
            text = f"canary late {number} to {reader}" + (LARGE if seed % 3 == 0 else "")
            system.spawn(system.write(code, is_sync=seed % 5 > 1, reader=reader, text=text))

        end(system)

        assert system.erasure.status is Status.DONE, system.erasure.left
        left = system.text
        about = [part[:60] for part in left.split("canary")[1:]]
        assert [part for part in about if BOB not in part] == []
        assert f"canary late 2 to {BOB}" in left
        report = Audit(TENANT).run()
        assert report.findings == []
        assert report.items == len(CODES)
        for code in CODES:
            key = ItemKey(TENANT, "LETTER", code)
            latest, row = bootstrap.commands().latest(key), bootstrap.data().find(key)
            shown = bootstrap.read_model("letters_by_code").get(TENANT, "all", code)
            assert None not in (latest, row, shown)
            assert (row.version, shown["version"]) == (latest.version, latest.version)
            assert shown["text"] == latest.attributes.get("text")
