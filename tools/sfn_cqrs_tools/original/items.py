"""Takes the original's items over: every version with its number, its state, its author."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, Final

from sfn_cqrs import bootstrap
from sfn_cqrs.kernel.aws.attributes_bucket import Whose
from sfn_cqrs.kernel.aws.transient import is_busy
from sfn_cqrs.kernel.command import Audit, Command
from sfn_cqrs.kernel.errors import InvalidInputError
from sfn_cqrs.kernel.keys import ItemKey
from sfn_cqrs.kernel.tables.dynamodb import marshal, unmarshal
from sfn_cqrs.machines.command.items import row_item
from sfn_cqrs.machines.command.publication import Refusal, RowPublication
from sfn_cqrs_tools.original.report import Fate
from sfn_cqrs_tools.original.rows import RefusedError, Version, command_id, created_of
from sfn_cqrs_tools.original.shelf import Kind, Shelf
from sfn_cqrs_tools.original.taker import Taker

TOGETHER: Final = 25
"""Items that are written side by side; a version of each is in memory."""
TRIES: Final = 10
REFUSALS: Final = (RefusedError, InvalidInputError)


@dataclass(frozen=True, slots=True)
class Chain:
    """The versions of one item that are taken: the applied ones, without a gap."""

    key: ItemKey
    pk: str
    base: str
    versions: range
    created: Audit
    at: int = 0
    """The version that the stack has already (0: none)."""

    def version(self, shelf: Shelf, number: int) -> Version:
        """Read one version."""
        is_last = number == self.versions[-1]
        kind = Kind.DATA if is_last else Kind.HISTORY
        state = shelf.row(kind, self.pk, self.base, number)
        return Version(number, state, shelf.row(Kind.COMMANDS, self.pk, self.base, number))

    def id_of(self, number: int) -> str:
        """Return the id that a version has here."""
        return command_id(self.key, number, self.created)


class Items(Taker):
    """Takes items from a shelf into the stack that the environment names."""

    def take(self) -> None:
        """Take every item that can be taken, and count each."""
        chains = self._chains()
        while group := list(islice(chains, TOGETHER)):
            self._take(group)

    def _chains(self) -> Iterator[Chain]:
        for pk, base in self.shelf.keys(Kind.DATA.family):
            try:
                chain = self._chain(pk, base)
            except REFUSALS as error:
                self.report.refuse("item", pk, base, str(error))
            else:
                if chain is not None:
                    yield chain

    def _chain(self, pk: str, base: str) -> Chain | None:
        """Return an item's versions, or None if it is another tenant's."""
        numbers = self.shelf.numbers(Kind.DATA.family, pk, base)
        key, created, last = self._owner(pk, base, numbers)
        if self.tenant not in (None, key.tenant):
            return None
        if not last:
            raise RefusedError("it was never applied: the data table has no row of it")
        found = {number for number, _ in numbers if number <= last}
        self._leave_open(pk, base, numbers, last)
        chain = Chain(key, pk, base, range(last, last + 1), created)
        self._command(chain, last)  # its last version must be one that can be read
        first = last
        while first - 1 in found and self._is_usable(chain, first - 1):
            first -= 1
        lost = len([number for number in found if number < first])
        if lost:
            self.report.leave("item", pk, base, f"{lost} versions below a gap at {first - 1}")
        return replace(chain, versions=range(first, last + 1))

    def _owner(
        self, pk: str, base: str, numbers: list[tuple[int, Kind]]
    ) -> tuple[ItemKey, Audit, int]:
        """Return the item's key, who made it, and the version of its data row (0: none)."""
        last = max((number for number, kind in numbers if kind is Kind.DATA), default=0)
        if not last and any(kind is Kind.DATA for _, kind in numbers):
            raise RefusedError("its data row has no version")
        kind = Kind.DATA if last else numbers[0][1]
        row = self.shelf.row(kind, pk, base, last or numbers[0][0])
        assert row is not None
        ttl = row.get("ttl")
        if last and ttl is not None and int(ttl) <= bootstrap.now().timestamp():
            raise RefusedError("its data row has expired")
        return self.reading.key_of(row, base), created_of(row), last

    def _leave_open(self, pk: str, base: str, numbers: list[tuple[int, Kind]], last: int) -> None:
        for number, kind in numbers:
            if kind is Kind.COMMANDS and number > last:
                row = self.shelf.row(kind, pk, base, number) or {}
                reason = f"version {number} was never applied; its status is {row.get('status')}"
                self.report.leave("command", pk, base, reason)

    def _is_usable(self, chain: Chain, number: int) -> bool:
        try:
            self._command(chain, number)
        except REFUSALS as error:
            self.report.leave("item", chain.pk, chain.base, f"version {number}: {error}")
            return False
        return True

    def _command(self, chain: Chain, number: int) -> Command:
        version = chain.version(self.shelf, number)
        return version.command_of(chain.key, self.reading, chain.created)

    def _take(self, group: list[Chain]) -> None:
        rows = bootstrap.data().snapshots(chain.key for chain in group)
        new = []
        for chain in group:
            row = rows.get(chain.key)
            begun = self._begun(chain, unmarshal(row) if row else None)
            if begun is not None:
                new.append(begun)
        if self.is_dry:
            for chain in new:
                self.report.create(chain.key.type, len(chain.versions))
            return
        self._write(new)

    def _begun(self, chain: Chain, row: dict[str, Any] | None) -> Chain | None:
        """Return the chain from where it goes on, or None if there is nothing left to take."""
        last = chain.versions[-1]
        if row is None:
            return chain
        version = row["version"]
        if version == last and row["command_id"] == chain.id_of(last):
            self._expire(chain)
            self.report.count(chain.key.type, Fate.UNCHANGED)
        elif version in chain.versions and row["command_id"] == chain.id_of(version):
            return replace(chain, at=version)
        elif row["command_id"] == chain.id_of(version):
            self._refuse(chain, f"the stack is at version {version}, and the next one is not there")
        elif self._is_taken(chain):
            self.report.count(chain.key.type, Fate.KEPT)
        else:
            self._refuse(chain, f"the stack has an item of this name, at version {version}")
        return None

    def _is_taken(self, chain: Chain) -> bool:
        """Return whether the last version is here, below newer ones."""
        last = chain.versions[-1]
        found = bootstrap.commands().find(chain.key, last)
        return found is not None and found.id == chain.id_of(last)

    def _write(self, chains: list[Chain]) -> None:
        """Write the chains side by side: the next version of each in the same transactions."""
        before: dict[ItemKey, Command] = {}
        left = chains
        while left:
            commands = {chain.key: self._next(chain) for chain in left}
            done = self._published([self._publication(chain, commands, before) for chain in left])
            before = commands
            left = [
                replace(chain, at=commands[chain.key].version)
                for chain, is_done in zip(left, done, strict=True)
                if is_done or self._is_done(chain, commands[chain.key])
            ]
            for chain in [chain for chain in left if chain.at == chain.versions[-1]]:
                self._expire(chain)
                self.report.create(chain.key.type, len(chain.versions))
            left = [chain for chain in left if chain.at != chain.versions[-1]]

    def _next(self, chain: Chain) -> Command:
        """Return the next version of a chain; its large attributes are in S3."""
        return self._stored(self._command(chain, chain.at + 1 if chain.at else chain.versions[0]))

    def _stored(self, command: Command) -> Command:
        pointer = bootstrap.attributes().store_if_large(
            command.key.tenant,
            command.id,
            command.content.attributes,
            whose=Whose(command.key, command.version),
        )
        return replace(command, attributes_s3=pointer)

    def _publication(
        self, chain: Chain, commands: dict[ItemKey, Command], before: dict[ItemKey, Command]
    ) -> RowPublication:
        command = commands[chain.key]
        if not chain.at:
            return RowPublication(command)
        earlier = before.get(chain.key) or self._stored(self._command(chain, chain.at))
        snapshot = marshal(row_item(earlier.as_row()))
        return RowPublication(command, chain.at, bootstrap.history().item_of(snapshot))

    def _published(self, publications: list[RowPublication]) -> list[bool]:
        """Publish a version of each item; say for each whether it is done."""
        done = [False] * len(publications)
        left = list(range(len(publications)))
        for attempt in range(TRIES):
            try:
                answers = bootstrap.commands().publish_many([publications[one] for one in left])
            except Exception as error:
                if not is_busy(error) or attempt == TRIES - 1:
                    raise
                answers = [Refusal.BUSY] * len(left)
            answered = dict(zip(left, answers, strict=True))
            for place, answer in answered.items():
                done[place] = answer is None
            left = [place for place, answer in answered.items() if answer is Refusal.BUSY]
            if not left:
                break
            time.sleep(0.1 * 2**attempt)
        return done

    def _is_done(self, chain: Chain, command: Command) -> bool:
        """Return whether a refused version is written all the same: an answer was lost."""
        found = bootstrap.data().version_of(chain.key)
        if found.command_id == command.id:
            return True
        self._refuse(chain, f"the stack has a version {command.version} of its own")
        return False

    def _refuse(self, chain: Chain, reason: str) -> None:
        self.report.refuse("item", chain.pk, chain.base, reason)

    def _expire(self, chain: Chain) -> None:
        """Let earlier versions expire, where this stack does not keep them for ever."""
        if not self.is_dry and bootstrap.commands().expires(chain.key.type):
            for number in chain.versions[:-1]:
                bootstrap.commands().expire(chain.key, number)
