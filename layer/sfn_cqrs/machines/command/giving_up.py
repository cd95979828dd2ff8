"""Skips a version, and publishes what was applied before it as the next one."""

from dataclasses import dataclass, replace

from sfn_cqrs import bootstrap
from sfn_cqrs.kernel.caller import Caller
from sfn_cqrs.kernel.command import Content
from sfn_cqrs.kernel.errors import NoAppliedVersionError, NotFailedError, VersionConflictError
from sfn_cqrs.kernel.keys import ItemKey
from sfn_cqrs.kernel.values import digest
from sfn_cqrs.machines.command import chain, handlers
from sfn_cqrs.machines.command.outcomes import last_applied
from sfn_cqrs.machines.command.process import Outcome, Process
from sfn_cqrs.machines.command.reserving import taken
from sfn_cqrs.machines.command.runner import Chain
from sfn_cqrs.machines.command.service import CommandService


@dataclass(frozen=True, slots=True)
class GivenUp:
    """A version that was skipped, and the version that restores what was applied before it.

    `content_stays`: the item shows the content of the skipped version, until a later one.
    """

    process: Process
    restored: int | None
    content_stays: bool


def give_up(key: ItemKey, version: int, by: str = "") -> GivenUp:
    """Skip a version; the next one continues without it.

    Raises:
        NotFoundError: there is no such version.
        NotFailedError: it is neither FAILED nor BLOCKED.
    """
    process = Chain(key).run(chain.skip(version, by))
    return GivenUp(process, None, _stays(key, version))


def give_up_and_restore(key: ItemKey, version: int, caller: Caller) -> GivenUp:
    """Skip a version, then publish the last applied content as the next version.

    The skip is the decision; what follows has a key that is made of it. So a request that is
    repeated, or comes after a skip, makes this one version. Nothing is published behind a later
    version, whose content replaces the skipped one's anyway.

    Raises:
        NoAppliedVersionError: no version was applied before, or its state has expired.
        NotFoundError: there is no such version.
        NotFailedError: it is not FAILED, BLOCKED or SKIPPED.
        InvalidInputError: the content does not fit its type any more.
        RuleRefusedError, NotUniqueError: the type's rule refuses it, or another item has one of its
            values. In each case nothing is skipped.
    """
    row = last_applied(key)
    if row is None:
        raise NoAppliedVersionError(f"no version of {key.type} {key.code} was applied")
    handlers.check_content(key, row.converted, bootstrap.commands().find(key, version))
    refused = taken(key, row.converted, caller.client)
    if refused is not None:
        raise refused
    process = _skipped(key, version, caller.signature)
    restored = _publish(key, version, row.converted, caller)
    return GivenUp(process, restored, restored is None and _stays(key, version))


def _stays(key: ItemKey, version: int) -> bool:
    """Return whether the row shows a skipped version, and no later one will replace it."""
    if bootstrap.data().version_of(key).version != version:
        return False
    above = Chain(key).run(chain.last_skipped(version)) + 1
    return bootstrap.processes().find(key, above) is None


def _skipped(key: ItemKey, version: int, by: str) -> Process:
    try:
        return Chain(key).run(chain.skip(version, by))
    except NotFailedError:
        process = bootstrap.processes().find(key, version)
        if process is None or process.outcome is not Outcome.SKIPPED:
            raise
        return process


def _publish(key: ItemKey, version: int, content: Content, caller: Caller) -> int | None:
    """Publish on top of the skipped versions; return None if a later one is there, or no need."""
    latest = Chain(key).run(chain.last_skipped(version))
    once = f"skip-{digest([key.type, key.code, version, latest])}"
    try:
        published = CommandService(key.tenant).publish(
            key.type,
            key.code,
            name=content.name,
            attributes=content.attributes,
            is_deleted=content.is_deleted,
            version=latest,
            caller=replace(caller, client=None, idempotency_key=once),
        )
    except VersionConflictError:
        return None
    return None if published.is_unchanged else published.version
