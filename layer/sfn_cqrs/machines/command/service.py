"""Publishing: how a change becomes the next version of an item."""

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

from sfn_cqrs import bootstrap
from sfn_cqrs.kernel.caller import Caller
from sfn_cqrs.kernel.command import Command, Content, Known, Patch
from sfn_cqrs.kernel.errors import (
    InvalidInputError,
    NotFoundError,
)
from sfn_cqrs.kernel.keys import MAX_VERSION, ItemKey
from sfn_cqrs.kernel.values import Json
from sfn_cqrs.machines.command import handlers
from sfn_cqrs.machines.command.change import Change, Published
from sfn_cqrs.machines.command.planned import Planned
from sfn_cqrs.machines.command.publication import (
    Ending,
)

if TYPE_CHECKING:
    from sfn_cqrs.machines.command.together import NewVersion


class CommandService:
    """Publishes versions for a tenant.

    A caller passes the `version` that it has read: 0 for a new item, -1 for the latest version.
    Every method raises

    - InvalidInputError, UnknownTypeError: a field cannot be stored; nothing is written.
    - NotUniqueError: another item has a value that no two of the type may have.
    - InvalidModelError, RuleRefusedError: the type's model or its check refuses the attributes.
    - NotPermittedError: the caller is a client, and the type's declaration does not allow it.
    - VersionConflictError: somebody else has published; the error has the current version.
    - IdempotencyMismatchError: the idempotency key was used for something else.
    """

    def __init__(self, tenant: str) -> None:
        """Work for one tenant."""
        self._tenant = tenant

    def latest(self, type_: str, code: str) -> Command | None:
        """Return the latest version, applied or not; None if there is no such item.

        Raises:
            InvalidInputError: the type or the code cannot be part of a key.
        """
        return bootstrap.commands().latest(ItemKey.checked(self._tenant, type_, code))

    def publish(
        self,
        type_: str,
        code: str,
        *,
        name: str,
        attributes: dict[str, Json],
        version: int = Known.NONE,
        is_deleted: bool = False,
        caller: Caller | None = None,
    ) -> Published:
        """Append the next version, for the machine to apply."""
        content = Content.checked(name, attributes, is_deleted=is_deleted)
        return self.change(type_, code, content, version, caller).publish()

    def publish_sync(
        self,
        type_: str,
        code: str,
        *,
        name: str,
        attributes: dict[str, Json],
        version: int = Known.NONE,
        is_deleted: bool = False,
        caller: Caller | None = None,
    ) -> Published:
        """Append the next version and apply it before returning the result.

        Raises:
            ChainBusyError: an earlier version is not applied yet.
        """
        content = Content.checked(name, attributes, is_deleted=is_deleted)
        return self.change(type_, code, content, version, caller, is_sync=True).publish()

    def publish_partial(
        self,
        type_: str,
        code: str,
        *,
        name: str | None = None,
        attributes: dict[str, Json] | None = None,
        is_deleted: bool | None = None,
        version: int = Known.LATEST,
        is_sync: bool = False,
        caller: Caller | None = None,
    ) -> Published:
        """Append a version that changes only the given fields.

        Attributes merge by RFC 7396: null removes, objects merge, any other value replaces.

        Raises:
            NotFoundError: there is no such item.
        """
        patch = Patch.checked(name, attributes, is_deleted=is_deleted)
        return self.change(type_, code, patch, version, caller, is_sync=is_sync).publish()

    def publish_at(
        self,
        type_: str,
        code: str,
        *,
        at: datetime,
        name: str | None = None,
        attributes: dict[str, Json] | None = None,
        is_deleted: bool | None = None,
        partial: bool = False,
        if_version: int | None = None,
        replace: str | None = None,
        caller: Caller | None = None,
    ) -> Planned:
        """Plan a publish for a moment, and return its name.

        When it is due it becomes exactly one version, or is REFUSED with the reason. The caller's
        rights and the shape are checked now, and again then. With `partial`, only the given fields
        change. With `if_version`, it is refused unless the item is still at this version, and a
        new item at version 0. With `replace`, a name, it takes the place of what was planned under
        this name on the item.

        Raises:
            InvalidInputError: the moment is not in the future, or has no time zone.
            NotFoundError: with `partial`, there is no such item.
        """
        wanted: Content | Patch = (
            Patch.checked(name, attributes, is_deleted=is_deleted)
            if partial
            else Content.checked(name, attributes, is_deleted=bool(is_deleted))
        )
        version = Known.LATEST if if_version is None else if_version
        planner = bootstrap.planner(self._tenant)
        return planner.make(
            type_, code, wanted, at, version=version, replaces=replace, caller=caller
        )

    def publish_together(
        self, versions: "Sequence[NewVersion]", *, caller: Caller | None = None
    ) -> list[Published]:
        """Append versions of different items for the machine to apply, all of them or none.

        At most 25, of this tenant. Each is based on the version that it names, and its chain
        applies it in its own time. Of an error, `index` says which of them is refused, from 0.

        Raises:
            TogetherTooLargeError: they do not fit into one transaction.
        """
        # a function that publishes one item at a time needs none of it
        from sfn_cqrs.machines.command.deciding import publish_together  # noqa: PLC0415

        caller = caller or Caller()

        def change(each: "NewVersion") -> Change:
            return self.change(each.type, each.code, each.wanted, each.based_on, caller)

        return publish_together(self._tenant, versions, change, caller)

    def delete(
        self,
        type_: str,
        code: str,
        *,
        version: int = Known.LATEST,
        is_sync: bool = False,
        caller: Caller | None = None,
    ) -> Published:
        """Append a version that deletes the item; publishing on it revives the item.

        Raises:
            NotFoundError: there is no such item.
        """
        return self.publish_partial(
            type_, code, is_deleted=True, version=version, is_sync=is_sync, caller=caller
        )

    def change(
        self,
        type_: str,
        code: str,
        wanted: Content | Patch,
        version: int,
        caller: Caller | None,
        *,
        is_sync: bool = False,
        ending: Ending | None = None,
    ) -> Change:
        """Return a change that may be published now, and `ending`, which ends together with it."""
        key = ItemKey.checked(self._tenant, type_, code)
        caller = caller or Caller()
        handlers.check_publish(type_, caller.client)
        if isinstance(version, bool) or not isinstance(version, int):
            raise InvalidInputError("version", "must be an integer")
        if not Known.LATEST <= version <= MAX_VERSION:
            raise InvalidInputError("version", f"must be between -1 and {MAX_VERSION}")
        handlers.check_named(type_, wanted.attributes, caller.client)
        is_whole, content_after = isinstance(wanted, Content), partial(_content_of, key, wanted)
        asked: Json = [type_, code, version, is_sync, wanted.as_asked]
        return Change(key, version, caller, is_sync, asked, content_after, is_whole, ending)


def _content_of(key: ItemKey, wanted: Content | Patch, latest: Command | None) -> Content:
    if isinstance(wanted, Content):
        return wanted
    if latest is None:
        raise NotFoundError(f"{key.type} {key.code} does not exist")
    return wanted.on(latest)
