"""The rights of clients of the HTTP API, as declarations give them.

Code, such as a handler or a saga's step, has no `Client`, and may do everything.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, ParamSpec

from sfn_cqrs.kernel.command import Content
from sfn_cqrs.kernel.errors import NotPermittedError
from sfn_cqrs.kernel.models import models
from sfn_cqrs.kernel.values import Json, canonical

P = ParamSpec("P")


@dataclass(frozen=True, slots=True)
class Client:
    """A caller from outside, as AWS has verified: by a token, or by IAM (`is_machine`).

    A caller by IAM has groups only as an operator of the stack, and no `user`.
    """

    groups: frozenset[str] = frozenset()
    is_machine: bool = False
    user: str = ""


@dataclass(frozen=True, slots=True)
class Policy:
    """The clients that may do something; join policies with `|`."""

    members: bool = False
    machines: bool = False
    groups: frozenset[str] = frozenset()
    owners: frozenset[str] = frozenset()
    """The attributes that name whoever may have an item: `own` makes them."""

    def allows(self, client: Client | None) -> bool:
        """Whether a client may do it, for any item; pass None for code, which always may."""
        if client is None:
            return True
        is_any = self.machines if client.is_machine else self.members
        return is_any or not self.groups.isdisjoint(client.groups)

    def allows_own(self, client: Client | None) -> bool:
        """Whether a client may do it for items that name it, if it may not for all items."""
        return bool(self.owners and client and client.user) and not self.allows(client)

    def sees(self, client: Client | None, attributes: Mapping[str, Any]) -> bool:
        """Whether a client may do it for something with these attributes."""
        if self.allows(client):
            return True
        return client is not None and self.allows_own(client) and self._names(client, attributes)

    def _names(self, client: Client, attributes: Mapping[str, Any]) -> bool:
        named = (attributes.get(name) for name in self.owners)
        return any(
            client.user in each if isinstance(each, list) else client.user == each for each in named
        )

    def __or__(self, other: "Policy") -> "Policy":
        """Return a policy that allows everyone whom one of the two allows."""
        return Policy(
            self.members or other.members,
            self.machines or other.machines,
            self.groups | other.groups,
            self.owners | other.owners,
        )

    def __str__(self) -> str:
        """Say who may, as a part of a sentence."""
        owners = [f"whom {name} names" for name in sorted(self.owners)]
        groups = [f"members of the group {name}" for name in sorted(self.groups)]
        machines = ["machines that sign with IAM"] if self.machines else []
        if self.members:
            return " and ".join(["members of the tenant", *machines])
        return " and ".join([*owners, *groups, *machines]) or "code only"


CODE = Policy()
"""No client: only handlers, approvals, sagas and other code."""
MACHINES = Policy(machines=True)
"""Machines that sign with IAM, and whoever may put files into the import bucket."""
MEMBERS = Policy(members=True) | MACHINES
"""Anyone with a valid token of the tenant, and machines."""


def group(*names: str) -> Policy:
    """The members of a group of the token, or of one of several.

    Raises:
        ValueError: a name is empty, or has a blank; Cognito's groups have no blanks.
    """
    if not names or any(not name or " " in name for name in names):
        raise ValueError("name one or more groups, without blanks")
    return Policy(groups=frozenset(names))


def own(*attributes: str) -> Policy:
    """Let members have the items with their user name in one of these attributes.

    An attribute may also be a list of names. With `read=`, they read these; with `publish=` and
    `imports=`, they publish versions that name them, of new items and of those that name them.

    Only `command_type` takes it, and `read=` of `read_model_type`.

    Raises:
        ValueError: there is no attribute, or one without a name.
    """
    if not attributes or not all(attributes):
        raise ValueError("own() needs the attributes that name who may")
    return Policy(owners=frozenset(attributes))


def checked_whole(*policies: Policy) -> None:
    """Refuse `own` where nothing has attributes that could name anybody.

    Raises:
        ValueError: it is in one of these policies.
    """
    if any(policy.owners for policy in policies):
        raise ValueError("own() is for command_type, and for read= of read_model_type, only")


@dataclass(frozen=True, slots=True)
class Access:
    """A declaration: who may publish, or start, and who may read.

    `guarded` are the attributes that no client writes; `imports` is who may publish by imports,
    if that is not who may publish over HTTP. `has_owners`: what is published and read has
    attributes, so that `own` can name some.
    """

    publish: Policy = CODE
    read: Policy = MEMBERS
    guarded: frozenset[str] = frozenset()
    imports: Policy | None = None
    has_owners: bool = False

    def __post_init__(self) -> None:
        """Refuse `own` where nothing has the attributes that it names.

        Raises:
            ValueError: it is given for something else than a type or a read model.
        """
        if not self.has_owners:
            checked_whole(self.publish, self.importing, self.read)

    @property
    def importing(self) -> Policy:
        """Return who may publish by imports."""
        return self.publish if self.imports is None else self.imports


UNDECLARED = Access()
"""The access without a declaration."""


class Restricted:
    """A kind of thing that clients may start or see; its declaration, `DECLARATION`, decides."""

    __slots__ = ()
    DECLARATION: ClassVar[str]
    name: str
    access: Access

    def check_publish(self, client: Client | None) -> None:
        """Refuse a client that may not start this.

        Raises:
            NotPermittedError: it says which declaration would allow it.
        """
        self._require(self.access.publish, client, "starting", "publish")

    def check_read(self, client: Client | None) -> None:
        """Refuse a client that may not see this.

        Raises:
            NotPermittedError: it says which declaration would allow it.
        """
        self._require(self.access.read, client, "reading", "read")

    def _require(self, policy: Policy, client: Client | None, doing: str, word: str) -> None:
        declaration = f'{self.DECLARATION}("{self.name}")'
        require(policy, client, f"{doing} {self.name}", declaration, word)


def require(policy: Policy, client: Client | None, what: str, declaration: str, word: str) -> None:
    """Refuse a client that a policy does not allow.

    `what` is what is asked for, such as `publishing ORDER`; the declaration's `word`, `publish`
    or `read`, says who may.

    Raises:
        NotPermittedError: it says which declaration would allow it.
    """
    if policy.allows(client):
        return
    name = declaration.removesuffix(")")
    raise NotPermittedError(
        f"{what} is for {policy}; {name}, {word}=MEMBERS) would allow it,"
        f' or {word}=group("…") for a group'
    )


def permits(check: Callable[P, object], *asked: P.args, **given: P.kwargs) -> bool:
    """Whether a check lets somebody do what is asked."""
    try:
        check(*asked, **given)
    except NotPermittedError:
        return False
    return True


def guarded_content(
    type_: str,
    content: Content,
    before: Mapping[str, Json],
    guarded: frozenset[str],
    *,
    is_whole: bool,
) -> Content:
    """Return a client's content, with the attributes that it may not write as they were `before`.

    If a full content leaves them out, they stay. Where none was before, the default of the type's
    model changes nothing: generated clients send it.

    Raises:
        NotPermittedError: it changes one of them.
    """
    stays: dict[str, Json] = {}
    for name in guarded:
        if is_whole and name in before and name not in content.attributes:
            stays[name] = before[name]
        elif not _is_unchanged(type_, name, before, content.attributes):
            raise NotPermittedError(
                f"attributes.{name} of {type_} is written by code only:"
                f' command_type("{type_}", guarded=…) names it; leave it as it is, or out'
            )
    return replace(content, attributes={**content.attributes, **stays}) if stays else content


def _is_unchanged(
    type_: str, name: str, before: Mapping[str, Json], after: Mapping[str, Json]
) -> bool:
    given = _value(name, after)
    if given == _value(name, before):
        return True
    return name not in before and given == _value(name, models.defaults(type_))


def _value(name: str, attributes: Mapping[str, Json]) -> str:
    """An attribute as a text that is the same for equal values; empty if it is not there."""
    return canonical(attributes[name]) if name in attributes else ""
