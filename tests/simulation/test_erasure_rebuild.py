"""A person is erased beside the rebuild of a read model; the seed decides who is next.

A rebuild reads items before they are erased and writes their rows afterwards, into the generation
that nobody reads yet. At the end neither generation has anything personal.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from tests.simulation.test_erasure_interleavings import (
    ADA,
    BOB,
    CODES,
    LARGE,
    ErasureSystem,
    end,
    letters,
)
from tests.support.proof import deep, sampled
from tests.support.rebuild_system import RebuildSystem
from tests.support.system import TENANT, silent

from sfn_cqrs import bootstrap
from sfn_cqrs.care.audit.service import Audit
from sfn_cqrs.care.erasure.service import ErasureService
from sfn_cqrs.kernel.command import Audit as By
from sfn_cqrs.kernel.command import Command
from sfn_cqrs.kernel.erasure import Status
from sfn_cqrs.kernel.models.models import ERASED
from sfn_cqrs.kernel.policy import MEMBERS
from sfn_cqrs.kernel.read_models.rules import ViewKey
from sfn_cqrs.machines.command.handlers import sync_handler
from sfn_cqrs.machines.command.read_models import read_model_type

LATEST, EACH = "letters_by_code", "letters_sent"
"""A row for each letter, and one for each of its versions."""


class ErasureBesideRebuild(ErasureSystem, RebuildSystem):
    """Letters, one of whose read models is rebuilt."""


def texts_of(system: RebuildSystem, generation: int) -> dict[tuple[str, str], str]:
    """The texts of a generation; a row that was erased itself says so, a replayed one is empty."""
    rows = system.world.stored_view(ViewKey(TENANT, system.view), generation)
    return {key: str(row["text"]).replace(ERASED, "") for key, row in rows.items()}


@contextmanager
def letters_and_their_versions() -> Iterator[None]:
    with letters():
        read_model_type(EACH, by="reader", read=MEMBERS, subject="reader", personal=["text"])

        @sync_handler("LETTER")
        def letters_sent(command: Command) -> None:
            row = {**command.attributes, "version": command.version}
            view = bootstrap.read_model(EACH)
            sort = f"{command.key.code}@{command.version}"
            view.put_if_newer(command.key.tenant, "all", sort, row)

        yield


@pytest.mark.parametrize("view", [LATEST, EACH])
@pytest.mark.parametrize("seed", sampled(range(deep(30, 300)), 1))
def test_neither_generation_has_anything_personal_at_the_end(seed: int, view: str) -> None:
    system = ErasureBesideRebuild(seed)
    system.view = view
    with silent(), system, letters_and_their_versions():
        for number, code in enumerate(CODES):
            text = f"canary {number}" + (LARGE if number == 1 else "")
            system.spawn(system.write(code, is_sync=True, reader=ADA, text=text))
        system.settle()
        begun = []
        for late in (False, True):
            if late == bool(seed % 2):
                status, _ = system.api("POST", f"/rebuilds/{view}", {"everyVersion": view == EACH})
                begun.append(status)
            else:
                ErasureService(TENANT).ask(ADA, "asked for", By("2026-11-25T08:00:00.000Z", "op1"))
                system.spawn(system.erase())
            if seed % 3 == 0:
                system.pass_time(25)  # every function knows of the next generation
        for number, code in enumerate(CODES[:2]):
            reader = BOB if number else ADA
            text = f"canary late {number} to {reader}"
            system.spawn(system.write(code, is_sync=seed % 5 > 1, reader=reader, text=text))

        found = system.work()
        end(system)

        assert begun == [202], begun
        assert found["stage"] == "READY"
        assert system.erasure.status is Status.DONE, system.erasure.left
        about = [part[:60] for part in system.text.split("canary")[1:]]
        assert [part for part in about if BOB not in part] == []
        assert Audit(TENANT).run().findings == []
        old, new = texts_of(system, 1), texts_of(system, 2)
        assert old == new
        assert len(old) >= len(CODES)
