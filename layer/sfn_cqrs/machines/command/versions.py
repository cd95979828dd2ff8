"""Versions as they are first stored: the next one of an item, and its process.

Later versions about people who were erased are stored without the personal fields. A type without
`subject=` asks nothing. For the others it is one read a version, and none where nothing personal
is in it. A publish that has asked before an erasure began may still store what is personal; the
erasure's last pass comes when no function runs any more that began before.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from sfn_cqrs import bootstrap
from sfn_cqrs.kernel.aws.attributes_bucket import Whose
from sfn_cqrs.kernel.clock import iso, new_ulid
from sfn_cqrs.kernel.command import Audit, Command, Content, Stored
from sfn_cqrs.kernel.keys import ErasureKey, ItemKey, hashed
from sfn_cqrs.kernel.models import models
from sfn_cqrs.kernel.models.models import ERASED
from sfn_cqrs.kernel.notices import depth_here
from sfn_cqrs.machines.command import handlers
from sfn_cqrs.machines.command.process import Process
from sfn_cqrs.machines.command.unique import NOTHING, Held


@dataclass(frozen=True, slots=True)
class Personal:
    """Content about a person: whose it is, and what is left of it without the personal fields."""

    person: str
    key: ErasureKey
    erased: Content

    @property
    def is_erased(self) -> bool:
        """Return whether the field that names the person has been erased itself."""
        return self.person == ERASED


def personal(key: ItemKey, content: Content, before: Stored[Any] | None) -> Personal | None:
    """Return what is personal about content of today's shape; None if nothing is.

    Content that names nobody, such as a deletion, is about the person of the version before.
    """
    typed = models.find(key.type)
    if typed is None or not typed.subject or not typed.model.personal:
        return None
    person = typed.person(content.attributes)
    if not person and before is not None:
        person = typed.person(before.attributes)
    erased = replace(content, name=ERASED, attributes=typed.model.erased(content.attributes))
    if not person or erased == content:
        return None
    return Personal(person, ErasureKey.of(key.tenant, person), erased)


def without_erased(key: ItemKey, content: Content, before: Stored[Any] | None) -> Content:
    """Return content without its personal fields if its person was erased, else as it is."""
    found = personal(key, content, before)
    if found is None:
        return content
    if found.is_erased or _is_erased(found.key):
        return found.erased
    return content


def _is_erased(key: ErasureKey) -> bool:
    erasure = bootstrap.erasures().find(key)
    return erasure is not None and erasure.status.holds


class Looked:
    """People who were looked up together, for content that is made one by one."""

    def __init__(self, found: Iterable[Personal | None]) -> None:
        """Look up the people of some content."""
        self._looked = {each.key for each in found if each is not None and not each.is_erased}
        self._erased = bootstrap.erasures().among(self._looked) if self._looked else set()

    def without_erased(self, key: ItemKey, content: Content, before: Stored[Any] | None) -> Content:
        """Return content without its personal fields if its person is among those erased."""
        found = personal(key, content, before)
        if found is None or found.key in self._looked - self._erased:
            return content
        return without_erased(key, content, before)


def owner_of(key: ItemKey, content: Content) -> str:
    """Return the folder for large attributes: the person's, if they are about one."""
    found = personal(key, content, None)
    return key.tenant if found is None else found.key.objects


def has_unique(type_: str) -> bool:
    """Return whether items of a type have unique values."""
    typed = models.find(type_)
    return typed is not None and bool(typed.unique)


def values_of(key: ItemKey, content: Content) -> dict[str, str]:
    """Return the hashes of the values that content of today's shape holds, each with its fields.

    A deletion holds none. A type without unique values asks nothing.
    """
    typed = models.find(key.type)
    if typed is None or not typed.unique or content.is_deleted:
        return {}
    values = typed.unique_values(content.attributes)
    if not values:
        return {}
    secret = bootstrap.reservations().secret(key.tenant)
    return {hashed(name, value, secret=secret): name for name, value in values.items()}


def held_by(version: Command | None) -> Held:
    """Return what a version holds, and what its content asks for."""
    if version is None:
        return NOTHING
    is_asked = has_unique(version.key.type)
    wanted = tuple(values_of(version.key, version.converted)) if is_asked else version.unique
    return Held(version.version, version.unique, wanted)


def new_command(
    key: ItemKey,
    version: int,
    content: Content,
    by: Audit,
    before: Stored[Any] | None,
    **origin: Any,
) -> Command:
    """Return a version that somebody publishes now; its large attributes are stored already."""
    now = bootstrap.now()
    audit, id_ = replace(by, at=iso(now)), new_ulid(now)
    return Command(
        key=key,
        version=version,
        id=id_,
        content=content,
        digest=content.digest(key),
        created=before.created if before else audit,
        updated=audit,
        depth=depth_here(),
        shape=models.shape_of(key.type),
        unique=tuple(values_of(key, content)),
        attributes_s3=bootstrap.attributes().store_if_large(
            owner_of(key, content), id_, content.attributes, whose=Whose(key, version)
        ),
        **origin,
    )


def new_process(command: Command) -> Process:
    """Return the process of a new version that a machine applies."""
    return Process(
        key=command.key,
        version=command.version,
        lane=handlers.lane_of(command.key.type),
        command_id=command.id,
        source=command.source,
        trace=bootstrap.trace(),
        depth=command.depth,
        opened_at=command.updated.at,
        updated_at=command.updated.at,
    )
