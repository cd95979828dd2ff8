"""A change of one item: how it becomes the next version."""

import random
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TypeGuard

from sfn_cqrs import bootstrap
from sfn_cqrs.kernel.caller import Caller
from sfn_cqrs.kernel.command import Audit, Command, Content, Known
from sfn_cqrs.kernel.errors import (
    BusyError,
    ChainBusyError,
    InvalidInputError,
    RuleRefusedError,
    SupersededError,
    VersionConflictError,
)
from sfn_cqrs.kernel.functions.logs import logger
from sfn_cqrs.kernel.keys import MAX_VERSION, ItemKey
from sfn_cqrs.kernel.policy import guarded_content
from sfn_cqrs.kernel.request import Request
from sfn_cqrs.kernel.values import Json, digest
from sfn_cqrs.machines.command import chain, handlers
from sfn_cqrs.machines.command.process import Lane, Mode, Outcome
from sfn_cqrs.machines.command.projection import run_patiently
from sfn_cqrs.machines.command.publication import (
    Ending,
    Publication,
    Refusal,
    SyncPublication,
)
from sfn_cqrs.machines.command.reserving import taken
from sfn_cqrs.machines.command.runner import Chain, expire_previous
from sfn_cqrs.machines.command.unique import Held
from sfn_cqrs.machines.command.versions import held_by, new_command, new_process, without_erased

TRIES = 8


@dataclass(frozen=True, slots=True)
class Published:
    """The result of a publish.

    `is_applied`: the data row is at this version and every handler has run. A synchronous
    publish that is not applied was handed over to the machine.
    """

    type: str
    code: str
    version: int
    command_id: str
    is_unchanged: bool = False
    is_applied: bool = False

    def as_json(self) -> dict[str, Json]:
        """Return the answer of the HTTP API and of `--json`."""
        answer: dict[str, Json] = {
            "type": self.type,
            "code": self.code,
            "version": self.version,
            "commandId": self.command_id,
        }
        return {**answer, "unchanged": True} if self.is_unchanged else answer

    @classmethod
    def of_json(cls, answer: Mapping[str, Json]) -> "Published":
        """Return what an answer says that was kept."""
        return cls(
            str(answer["type"]),
            str(answer["code"]),
            int(str(answer["version"])),
            str(answer["commandId"]),
            is_unchanged=bool(answer.get("unchanged")),
        )


@dataclass(frozen=True, slots=True)
class Change:
    """One publish: the request, and the function that makes the new content from the latest one.

    Whoever makes one is permitted to publish the type.
    """

    key: ItemKey
    version: int
    caller: Caller
    is_sync: bool
    asked: Json
    content_after: Callable[[Command | None], Content]
    is_whole: bool
    ending: Ending | None = None

    def publish(self) -> Published:
        """Make it a version, or find that it is one.

        Raises:
            SupersededError: what should end with it has ended before.
        """
        return _Publisher(self).publish()

    def check(self) -> None:
        """Refuse it as a publish would now, but for a rule over the item as it will be.

        Raises:
            InvalidInputError, NotPermittedError, NotFoundError, VersionConflictError: why.
        """
        latest = bootstrap.commands().latest(self.key)
        current = latest.version if latest else 0
        if self.version not in (Known.LATEST, current):
            raise VersionConflictError(current)
        with suppress(RuleRefusedError):
            handlers.check_content(self.key, self.content(latest), latest)

    def content(self, latest: Command | None) -> Content:
        """Return the new content.

        If a client asks, attributes that no client writes have to stay the same.

        Raises:
            NotPermittedError: the client changes such an attribute, or an item that is not its own.
        """
        handlers.check_change(self.caller.client, latest)
        content, type_ = self.content_after(latest), self.key.type
        client = self.caller.client
        if client is None:
            return content
        access, before = handlers.access_of(type_), latest.attributes if latest else {}
        content = guarded_content(type_, content, before, access.guarded, is_whole=self.is_whole)
        handlers.check_own(access.publish, self.key, client, latest, content)
        return content

    def next(self, latest: Command | None) -> Command:
        """Return the version that it makes; the latest one itself if that says the same already.

        Raises:
            InvalidInputError, NotPermittedError, NotFoundError, RuleRefusedError: why not.
        """
        version = latest.version + 1 if latest else 1
        if version > MAX_VERSION:
            raise InvalidInputError("version", "this item has as many versions as there can be")
        content = without_erased(self.key, self.content(latest), latest)
        if self._is_told(latest) and latest.says(content):
            return latest
        caller = self.caller
        if not caller.erases:
            handlers.check_content(self.key, content, latest, caller.client)
        return new_command(
            self.key,
            version,
            content,
            Audit("", caller.user, caller.ip),
            latest,
            source=caller.source,
            request_id=caller.request_id,
        )

    def _is_told(self, latest: Command | None) -> TypeGuard[Command]:
        """Return whether the caller may learn that the item is as the change wants it.

        Else the answer would confirm guesses of an item that the caller may not read.
        """
        return latest is not None and handlers.sees(self.caller.client, latest)


class _Publisher:
    """Tries one change until it is stored, found stored, or refused."""

    def __init__(self, change: Change) -> None:
        self._change = change
        self._key = change.key
        self._body_hash = digest(change.asked)
        self._request_key = change.caller.request_key

    def publish(self) -> Published:
        refusal: Refusal | None = None
        for attempt in range(TRIES):
            seen = self._seen()
            if seen is not None:
                return seen
            try:
                refusal, published = self._try(bootstrap.commands().latest(self._key))
            except VersionConflictError:
                seen = self._seen()  # the same request may have won meanwhile
                if seen is not None:
                    return seen
                raise
            if refusal is None:
                return published
            if refusal is Refusal.VERSION_TAKEN and self._change.version != Known.LATEST:
                break
            if refusal is not Refusal.REQUEST_SEEN:
                time.sleep(random.uniform(0, 0.02 * 2**attempt))
        raise self._given_up(refusal)

    def _given_up(self, refusal: Refusal | None) -> Exception:
        if refusal in (Refusal.BUSY, Refusal.NOT_UNIQUE):
            return BusyError("others keep writing this item; try again")
        latest = bootstrap.commands().latest(self._key)
        return VersionConflictError(latest.version if latest else 0)

    def _try(self, current: Command | None) -> tuple[Refusal | None, Published]:
        """Store the change once; return the refusal, if any, and the result."""
        change = self._change
        current_version = current.version if current else 0
        if change.version not in (Known.LATEST, current_version):
            raise VersionConflictError(current_version)
        command = change.next(current)
        if command is current:
            unchanged = self._published(command, is_unchanged=True)
            return self._keep(unchanged), unchanged
        published = self._published(command)
        if change.is_sync:
            return self._apply(command, published, held_by(current))
        ending = change.ending.with_version(command.version) if change.ending else None
        publication = Publication(
            command, new_process(command), self._request(published), ending, held_by(current)
        )
        return self._store(publication), published

    def _store(self, publication: Publication) -> Refusal | None:
        """Store a version; return what is to be tried again."""
        refusal = bootstrap.commands().publish(publication)
        if refusal is Refusal.ENDED_BEFORE:
            raise SupersededError("what should end with it has ended")
        if refusal is Refusal.NOT_UNIQUE:
            content = publication.command.content
            refused = taken(self._key, content, self._change.caller.client)
            if refused is not None:
                raise refused
        return refusal

    def _apply(
        self, command: Command, published: Published, before: Held
    ) -> tuple[Refusal | None, Published]:
        """Store and apply the change in one transaction, then bring it to the read models."""
        predecessor = Chain(self._key).run(chain.previous(command.version))
        if predecessor.outcome not in (None, Outcome.APPLIED):
            raise ChainBusyError(predecessor.version, str(predecessor.outcome))
        row = bootstrap.data().snapshot(self._key)
        data_version = int(row["version"]["N"]) if row else 0
        if data_version < predecessor.version:
            raise ChainBusyError(predecessor.version, "not applied")
        process = replace(
            new_process(command), mode=Mode.SYNC, lane=Lane.STANDARD, status="publish_sync:STARTED"
        )
        publication = SyncPublication(
            command,
            process,
            self._request(published),
            before=before,
            data_version=data_version,
            predecessor=predecessor.version,
            history=bootstrap.history().item_of(row) if row else None,
        )
        refusal = self._store(publication)
        if refusal is not None:
            return refusal, published
        return None, replace(published, is_applied=_finish(command))

    def _published(self, command: Command, *, is_unchanged: bool = False) -> Published:
        return Published(self._key.type, self._key.code, command.version, command.id, is_unchanged)

    def _request(self, published: Published) -> Request | None:
        if self._request_key is None:
            return None
        expires_at = int(bootstrap.now().timestamp()) + self._change.caller.remembered_for
        answer = published.as_json()
        return Request(self._key.tenant, self._request_key, self._body_hash, answer, expires_at)

    def _keep(self, published: Published) -> Refusal | None:
        """Keep the answer to a request that changed nothing, and end what ends with it."""
        request, ending = self._request(published), self._change.ending
        if request is not None and not bootstrap.requests().put(request):
            return Refusal.REQUEST_SEEN
        if ending is not None and not ending.without_version(published.version):
            raise SupersededError("what should end with it has ended")
        return None

    def _seen(self) -> Published | None:
        """Return the first answer to this same request, if it was made before."""
        if self._request_key is None:
            return None
        request = bootstrap.requests().find(self._key.tenant, self._request_key)
        if request is None:
            return None
        published = Published.of_json(request.result_for(self._body_hash))
        if published.is_unchanged or not self._change.is_sync:
            return published
        return replace(published, is_applied=self._is_applied(published.version))

    def _is_applied(self, version: int) -> bool:
        """Return whether the first request, or the machine in its place, has finished."""
        process = bootstrap.processes().find(self._key, version)
        return process is None or process.outcome is Outcome.APPLIED


def _finish(command: Command) -> bool:
    """Run the handlers of an applied version, and close it; return False if it is handed over.

    The version is stored. If anything goes wrong from here on, the machine finishes it, or the
    sweep where even the hand-over fails.
    """
    its_chain = Chain(command.key, command)
    try:
        for name in handlers.names_of(command.key.type):
            run_patiently(command, name)
        expire_previous(command.key, command.version)
        closing = chain.close(command.version, 1, Outcome.APPLIED, "publish_sync:FINISHED")
        return its_chain.run(closing) is Outcome.APPLIED
    except SupersededError:
        return False
    except Exception:
        logger.exception("a synchronous publish is handed over", version=command.version)
        _hand_over(command)
        return False


def _hand_over(command: Command) -> None:
    try:
        Chain(command.key).run(chain.restart(command.version, 1))
    except Exception:
        logger.exception("the sweep will hand it over", version=command.version)
