"""Publishes versions of several items, all or none."""

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from sfn_cqrs import bootstrap
from sfn_cqrs.kernel.caller import Caller
from sfn_cqrs.kernel.command import Command
from sfn_cqrs.kernel.errors import (
    BusyError,
    InvalidInputError,
    NotUniqueError,
    TogetherTooLargeError,
    VersionConflictError,
)
from sfn_cqrs.kernel.functions.runner import Runner
from sfn_cqrs.kernel.request import Request
from sfn_cqrs.kernel.values import Json, digest
from sfn_cqrs.machines.command import together
from sfn_cqrs.machines.command.change import Change, Published
from sfn_cqrs.machines.command.publication import Decision, Publication, Refusal
from sfn_cqrs.machines.command.reserving import taken
from sfn_cqrs.machines.command.together import NewVersion, refused_at
from sfn_cqrs.machines.command.unique import moves
from sfn_cqrs.machines.command.versions import held_by, new_process, values_of


def publish_together(
    tenant: str,
    versions: Sequence[NewVersion],
    change_of: Callable[[NewVersion], Change],
    caller: Caller,
) -> list[Published]:
    """Publish versions of different items of a tenant, all or none.

    Raises:
        TogetherTooLargeError: there are too many.
        InvalidInputError: there is none, or an item is named twice.
        SfnCqrsError: one of them is refused; `index` says which.
    """
    if not versions:
        raise InvalidInputError("commands", "name at least one")
    if len(versions) > together.MOST:
        raise TogetherTooLargeError(f"has {len(versions)} versions, of {together.MOST} at most")
    changes: list[Change] = []
    for place, each in enumerate(versions):
        with refused_at(place):
            change = change_of(each)
            if change.key in {one.key for one in changes}:
                raise InvalidInputError("code", "is named twice, and one decision has an item once")
            changes.append(change)
    return _Together(tenant, changes, caller).publish()


class _Together(Runner[Any]):
    """Tries some changes until all are stored, found stored, or refused."""

    def __init__(self, tenant: str, changes: list[Change], caller: Caller) -> None:
        self._tenant = tenant
        self._changes = changes
        self._caller = caller
        self._request_key = caller.request_key
        self._body_hash = digest(["together", [change.asked for change in changes]])
        self._latest: list[Command | None] = []
        self._published: list[Published] = []
        self._refused: Command | None = None
        self._tries = 0

    def publish(self) -> list[Published]:
        result = self.run(together.decide(tuple(change.version for change in self._changes)))
        match result:
            case None:
                return self._published
            case together.Conflict(place, current):
                with refused_at(place):
                    raise VersionConflictError(current)
            case Refusal():
                raise BusyError("others keep writing these items; try again")
        answers: list[Published] = result
        return answers

    def _make(self, call: Any) -> object:
        match call:
            case together.Seen():
                return self._seen()
            case together.Look():
                self._latest = [bootstrap.commands().latest(each.key) for each in self._changes]
                return tuple(one.version if one else 0 for one in self._latest)
            case together.Store():
                return self._store()
            case together.Ask():
                self._check_taken()
                return None
        raise TypeError(f"{call} is no call of these programs")

    def _store(self) -> Refusal | None:
        commands = self._next()
        pairs = list(zip(commands, self._latest, strict=True))
        self._published = [_published(*pair) for pair in pairs]
        decision = Decision(
            tuple(
                Publication(command, new_process(command), before=held_by(latest))
                for command, latest in pairs
                if command is not latest
            ),
            tuple(command for command, latest in pairs if command is latest),
            self._request(),
        )
        self._check_values(decision)
        if not decision.publications:
            request = decision.request
            is_kept = request is None or bootstrap.requests().put(request)
            return None if is_kept else Refusal.REQUEST_SEEN
        refused = bootstrap.commands().publish_together(decision)
        if refused is None:
            return None
        refusal, place = refused
        self._refused = decision.publications[place].command
        if refusal is not Refusal.REQUEST_SEEN:
            time.sleep(random.uniform(0, 0.02 * 2**self._tries))
            self._tries += 1
        return refusal

    def _next(self) -> list[Command]:
        """Return the version that each item will have; its latest one if it would not change."""
        commands = []
        for place, (change, latest) in enumerate(zip(self._changes, self._latest, strict=True)):
            with refused_at(place):
                commands.append(change.next(latest))
        pairs = list(zip(commands, self._latest, strict=True))
        names = tuple(
            together.name_of(one.key, one.version) for one, latest in pairs if one is not latest
        )
        if len(names) < 2:  # noqa: PLR2004 - a single version is together with none
            return commands
        return [one if one is latest else replace(one, together=names) for one, latest in pairs]

    def _check_values(self, decision: Decision) -> None:
        """Refuse two versions of the decision that take one value."""
        found = together.taken_twice(
            [
                (one.command.key, moves(one.before.held, one.command.unique))
                for one in decision.publications
            ]
        )
        if found is not None:
            first, second, hash_ = found
            command = decision.publications[second].command
            name = values_of(command.key, command.content)[hash_]
            other = decision.publications[first].command.key.code
            with refused_at(self._place_of(command)):
                raise NotUniqueError(command.key.type, f"attributes.{name}", other)

    def _check_taken(self) -> None:
        """Refuse the version whose value another item has, unless it is free again."""
        command = self._refused
        if command is None:
            return
        refused = taken(command.key, command.content, self._caller.client)
        if refused is not None:
            with refused_at(self._place_of(command)):
                raise refused

    def _place_of(self, command: Command) -> int:
        return [change.key for change in self._changes].index(command.key)

    def _request(self) -> Request | None:
        if self._request_key is None:
            return None
        expires_at = int(bootstrap.now().timestamp()) + self._caller.remembered_for
        answer: dict[str, Json] = {"results": [each.as_json() for each in self._published]}
        return Request(self._tenant, self._request_key, self._body_hash, answer, expires_at)

    def _seen(self) -> list[Published] | None:
        if self._request_key is None:
            return None
        request = bootstrap.requests().find(self._tenant, self._request_key)
        if request is None:
            return None
        results: Any = request.result_for(self._body_hash)["results"]
        return [Published.of_json(each) for each in results]


def _published(command: Command, latest: Command | None) -> Published:
    key = command.key
    return Published(key.type, key.code, command.version, command.id, command is latest)
