"""Commands as the effects of a saga's steps: published once, undone once, in any order.

Step and compensation compete for one record per item, the step's Idempotency-Key. The step
puts it in the transaction that publishes; a compensation that comes first writes a void record, and
a late step finds that it has been undone. So exactly one of the two happens.
"""

import random
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from sfn_cqrs import bootstrap
from sfn_cqrs.kernel.caller import Caller
from sfn_cqrs.kernel.command import Command, Content
from sfn_cqrs.kernel.errors import (
    ChainBusyError,
    IdempotencyMismatchError,
    StepRefusedError,
    SupersededError,
    TransientError,
    VersionConflictError,
)
from sfn_cqrs.kernel.keys import ItemKey, hashed
from sfn_cqrs.kernel.request import Request, request_key
from sfn_cqrs.kernel.values import Json
from sfn_cqrs.machines.command import chain
from sfn_cqrs.machines.command.process import Outcome
from sfn_cqrs.machines.command.runner import Chain
from sfn_cqrs.machines.command.service import CommandService
from sfn_cqrs.machines.saga.types import SagaStep

Change = Callable[[Command | None], Content]
Undo = Callable[[Command], Content]
TRIES = 8
REMEMBERED = timedelta(days=400)
"""How long a saga may be parked until its records are gone."""
VOID = "void"


def publish_once(step: SagaStep, type_: str, code: str, change: Change) -> int:
    """Publish a step's change of an item synchronously, and return the version.

    `change` makes the new `Content` (`sfn_cqrs.kernel.command`) from the latest version (None:
    there is none), and may raise `StepRefusedError`. It is called again if somebody else
    publishes in the meantime.

    Raises:
        StepRefusedError: a version of the item has failed, and has to be repaired first.
        SupersededError: the step has been undone.
        TransientError: the item is too busy.
    """
    key = ItemKey.checked(step.tenant, type_, code)
    effect = _effect(step.key, key)
    for attempt in range(TRIES):
        version = _version_made(step, key, effect)
        if version is not None:
            return version
        latest = bootstrap.commands().latest(key)
        version = _publish(step, key, effect, latest, change(latest), attempt)
        if version is not None:
            return version
    raise TransientError(f"{type_} {code} is too busy")


def undo_once(step: SagaStep, type_: str, code: str, change: Undo) -> int | None:
    """Undo a step's change of an item if it was published, else prevent its publish.

    `change` makes the new `Content` from the latest version. Return the version that undid it, or
    None if there was nothing to undo.

    Raises:
        TransientError: the item is too busy, or a version of it has failed.
    """
    key = ItemKey.checked(step.tenant, type_, code)
    effect, undone = _effect(step.key, key), _effect(step.undone_key, key)
    for attempt in range(TRIES):
        version = _version_made(step, key, effect)
        if version is not None:
            return version
        if not _has_happened(step, key, undone):
            return None
        latest = bootstrap.commands().latest(key)
        if latest is None:
            raise TransientError(f"{type_} {code} was published, and its commands are gone")
        try:
            version = _publish(step, key, effect, latest, change(latest), attempt)
        except StepRefusedError as error:
            raise TransientError(str(error)) from error
        if version is not None:
            return version
    raise TransientError(f"{type_} {code} is too busy")


def caller_of(step: SagaStep[Any], key: str) -> Caller:
    """Return who makes an effect of a step, under a key."""
    return Caller(
        user=step.user,
        source=step.saga_id,
        request_id=step.key,
        idempotency_key=key,
        remembered_for=int(REMEMBERED.total_seconds()),
    )


def made(step: SagaStep[Any], key: str) -> dict[str, Json] | None:
    """Return what an effect has answered; None if it is still to be made.

    Raises:
        SupersededError: it was undone before.
    """
    found = _found(step, key)
    if found is not None and found.body_hash == VOID:
        raise SupersededError("the step was undone before it came here")
    return None if found is None else found.result


def made_or_never(step: SagaStep[Any], key: str) -> dict[str, Json] | None:
    """Return what an effect has answered; None if there is none, and never will be."""
    expires_at = int((bootstrap.now() + REMEMBERED).timestamp())
    void = Request(step.tenant, request_key(key, is_clients=False), VOID, {}, expires_at)
    found = _found(step, key)
    if found is None and bootstrap.requests().put(void):
        return None
    found = found or _found(step, key)
    return None if found is None or found.body_hash == VOID else found.result


def _found(step: SagaStep[Any], key: str) -> Request | None:
    return bootstrap.requests().find(step.tenant, request_key(key, is_clients=False))


def _publish(
    step: SagaStep,
    key: ItemKey,
    effect: str,
    latest: Command | None,
    content: Content,
    attempt: int,
) -> int | None:
    """Publish over the latest version; return None if another publish came first.

    That publish may be another try of this step.
    """
    caller = caller_of(step, effect)
    try:
        return (
            CommandService(step.tenant)
            .publish_sync(
                key.type,
                key.code,
                name=content.name,
                attributes=content.attributes,
                is_deleted=content.is_deleted,
                version=latest.version if latest else 0,
                caller=caller,
            )
            .version
        )
    except (VersionConflictError, IdempotencyMismatchError):
        time.sleep(random.uniform(0, 0.02 * 2**attempt))
        return None
    except ChainBusyError as error:
        if error.outcome in (Outcome.FAILED, Outcome.BLOCKED):
            raise StepRefusedError("chain_failed", f"{key.type} {key.code}: {error}") from error
        raise TransientError(f"{key.type} {key.code}: {error}") from error


def _version_made(step: SagaStep, key: ItemKey, effect: str) -> int | None:
    """Return the version that an effect was published as, or None if it was not."""
    answer = made(step, effect)
    if answer is None:
        return None
    version = int(str(answer["version"]))
    _see_to_its_end(key, version)
    return version


def _has_happened(step: SagaStep, key: ItemKey, effect: str) -> bool:
    """Return whether a step has published; if not, it never will."""
    answer = made_or_never(step, effect)
    if answer is None or "unchanged" in answer:
        return False
    _see_to_its_end(key, int(str(answer["version"])))
    return True


def _see_to_its_end(key: ItemKey, version: int) -> None:
    """Hand over to the machine a version whose publisher died before finishing it."""
    process = bootstrap.processes().find(key, version)
    if process is not None and process.is_with_its_publisher:
        Chain(key).run(chain.restart(version, process.attempt))


def _effect(step_key: str, key: ItemKey) -> str:
    """Return the idempotency key of a step's effect on an item."""
    return f"{step_key}/{hashed(key.type, key.code)}"
