"""For what a function of the user's runs: a version, an item of a task, a step of a saga."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sfn_cqrs.kernel.command import Command
from sfn_cqrs.kernel.keys import ItemKey
from sfn_cqrs.machines.saga.types import SagaStep
from sfn_cqrs.machines.task.types import TaskItem

Given = Command | TaskItem | SagaStep | Sequence[Command]


@dataclass(frozen=True, slots=True)
class About:
    """What a function was given, in words and by its tenant.

    `owner` is the same in each schedule; nothing is counted without one. `item` is the version's
    item, and `step` the idempotency key of a saga's step. `hidden` differs from schedule to
    schedule.
    """

    tenant: str
    told: str
    owner: str
    item: str = ""
    step: str = ""
    hidden: tuple[tuple[str, str], ...] = ()

    def __str__(self) -> str:
        """Return it in words."""
        return self.told

    def same(self, text: str) -> str:
        """Return a text as it is in each schedule."""
        for hidden, instead in self.hidden:
            text = text.replace(hidden, instead)
        return text


def owner_of(key: ItemKey, version: int, digest: str) -> str:
    """Return the owner of what is done for a version: the same content is the same version."""
    return f"{key} {version} {digest}"


def about(given: Given) -> About:
    """Return what a function was given."""
    match given:
        case Command():
            key = given.key
            told = f"{key.code} version {given.version}"
            owner = owner_of(key, given.version, given.digest)
            hidden = ((given.id, "<id>"), (given.updated.at, "<time>"))
            return About(key.tenant, told, owner, f"{key.type} {key.code}", hidden=hidden)
        case TaskItem():
            return About(given.tenant, f"item {given.index} of the task", given.key)
        case SagaStep():
            return About(given.tenant, f"the saga {given.saga}", given.key, step=given.key)
    first = given[0].key
    return About(first.tenant, f"{len(given)} rows", "", f"{first.type} {first.code}")
