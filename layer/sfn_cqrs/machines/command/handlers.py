"""The user's handlers: found in the package APP_PACKAGE, registered by decorators."""

import importlib
import pkgutil
import sys
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from inspect import signature
from threading import RLock
from types import ModuleType
from typing import Any, Final, TypeVar

from sfn_cqrs import bootstrap
from sfn_cqrs.kernel.command import Command, Content, Stored
from sfn_cqrs.kernel.errors import (
    AppBrokenError,
    BusyError,
    InvalidInputError,
    NotFoundError,
    NoticeLoopError,
    NotPermittedError,
    RuleRefusedError,
    UnknownNameError,
    UnknownTypeError,
)
from sfn_cqrs.kernel.failure import trace_of
from sfn_cqrs.kernel.keys import ItemKey
from sfn_cqrs.kernel.models import models
from sfn_cqrs.kernel.models.models import ERASED
from sfn_cqrs.kernel.notices import DEEPEST
from sfn_cqrs.kernel.policy import CODE, MEMBERS, UNDECLARED, Access, Client, Policy, require
from sfn_cqrs.kernel.unique import Unique
from sfn_cqrs.machines.command.process import Lane

T = TypeVar("T")
Rule = Callable[[T | None, T], str | None] | Callable[[T | None, T, Client | None], str | None]
"""Says why an item may not become another, given both, and the client that publishes if it asks."""
_LANES = {"express": Lane.EXPRESS, "standard": Lane.STANDARD}
DATA_ROW = "dynamodb"
"""No handler may have this name: it wrote the data row in executions of earlier releases."""

SyncHandler = Callable[[Command], None]
BulkHandler = Callable[[Sequence[Command]], None]
NoticeHandler = Callable[[dict[str, Any]], None]


@dataclass
class Registry:
    """All that the user's package declares here."""

    sync: dict[str, dict[str, SyncHandler]] = field(default_factory=dict)
    """The handlers by type and name, in the order in which they were registered."""
    conditions: dict[SyncHandler, Callable[[], bool]] = field(default_factory=dict)
    bulk: dict[SyncHandler, BulkHandler] = field(default_factory=dict)
    acting: set[SyncHandler] = field(default_factory=set)
    """The handlers that write no read model: they do something for each version."""
    notices: dict[str, list[NoticeHandler]] = field(default_factory=dict)
    depths: dict[NoticeHandler, int] = field(default_factory=dict)
    """By handler of notices, the depth of the first notice that it does not get."""
    access: dict[str, tuple[str, Access]] = field(default_factory=dict)
    """By type, the module that declares it and what it declares."""
    lanes: dict[str, Lane] = field(default_factory=dict)
    needs_two: bool = False
    loaded: set[str] = field(default_factory=set)
    """The packages whose modules were all imported."""


registry: Final = Registry()
_lock = RLock()


def sync_handler(
    type_: str, *, when: Callable[[], bool] | None = None
) -> Callable[[SyncHandler], SyncHandler]:
    """Register a function that writes the versions of a type to a read model.

    With `when`, such as `has_sql`, it is registered only if `when` returns true.

    It runs at least once per version and in the order of the versions, but a late retry of
    an earlier version is possible: guard the write by `command.version`. Raise
    `TransientError` if another try may succeed; any other error fails the version.
    """
    check_name(type_)

    def register(handler: SyncHandler) -> SyncHandler:
        name = handler.__name__
        if name == DATA_ROW:
            raise ValueError(f"{name!r} stands for the data row; choose another name")
        namesake = registry.sync.setdefault(type_, {}).get(name, handler)
        if namesake.__module__ != handler.__module__:
            raise ValueError(f"{name!r} is a handler of {namesake.__module__} already; rename one")
        registry.sync[type_][name] = handler
        if when is not None:
            registry.conditions[handler] = when
        return handler

    return register


def acting_handler(type_: str) -> Callable[[SyncHandler], SyncHandler]:
    """Register a function that does something for each version, and writes no read model."""

    def register(handler: SyncHandler) -> SyncHandler:
        registry.acting.add(handler)
        return sync_handler(type_)(handler)

    return register


def up_many(handler: SyncHandler) -> Callable[[BulkHandler], BulkHandler]:
    """Register a bulk version of a sync handler: it handles many commands at once.

    Imports use it. The commands are of different items; the guard by version is still needed.
    """

    def register(bulk: BulkHandler) -> BulkHandler:
        registry.bulk[handler] = bulk
        return bulk

    return register


def command_type(
    type_: str,
    *,
    publish: Policy = CODE,
    read: Policy = MEMBERS,
    guarded: Sequence[str] = (),
    lane: str = "express",
    imports: Policy | None = None,
    model: type[T] | None = None,
    check: Rule[T] | None = None,
    unknown: str = "refuse",
    shape: int = 1,
    upcast: Mapping[int, models.Upcast] | None = None,
    subject: str = "",
    keep: timedelta | None = None,
    unique: Sequence[str | tuple[str, ...] | Unique] = (),
) -> None:
    """Register a type, and declare who may publish and read its items.

    Code may do everything; without a declaration only code publishes a type. Declare a type in one
    module, whether or not it has handlers.

    Args:
        type_: the type, such as ORDER.
        publish: who may publish over HTTP and by imports: `CODE`, `MEMBERS`, `group("cashier")`;
            `own("patient")`: each member versions that name them there, of a new item or of one
            that names them.
        read: who may read its items, its versions and its imports; `own("patient")`: each member
            those items and versions that name them there.
        guarded: attributes that no client may write, even a client that may publish.
        lane: `standard` where handlers may take a minute and more: each has two minutes in the
            express lane, all of them together less than five. A handler that takes longer is tried
            once more. `sfn-cqrs doctor` names handlers that prove too slow.
        imports: who may publish by imports, if other clients may publish over HTTP.
        model: the class of the attributes: a dataclass, or a pydantic model. Every version has to
            fit it, also from code. Handlers get an instance as `command.model`.
        check: a rule over several fields, or over the item as it is: it gets the model of the
            version before (None for a new item) and of the next one; a third argument is the
            client that publishes, None for code. To refuse with 409 it returns the reason; to
            refuse with 400 it raises `InvalidInputError`.
        shape: the number of the model's shape; raise it when old versions no longer fit.
        upcast: for the number of each earlier shape, a function that returns its attributes in
            the next one.
        subject: the field that names the person whom the `Personal` fields are about. Everything
            about that person can then be erased.
        keep: for so long after its last change an item must be kept by law: until then, nobody can
            erase the person.
        unique: fields whose values no two items of a tenant may have, such as
            `("email", ("country", "vat"))`; texts that differ in case or encoding are the same,
            unless `Unique("email", normal=exactly)` says otherwise. A publish of a value that
            another item has is refused with 409; a deletion frees its values.
        unknown: `keep` stores fields that the model does not have; by default they are refused.
    """
    check_name(type_)
    if lane not in _LANES:
        raise ValueError(f"{type_}: lane is express or standard, not {lane!r}")
    if isinstance(guarded, str):
        raise TypeError(f"{type_}: guarded is a list of attributes")
    module = str(sys._getframe(1).f_globals["__name__"])
    access = Access(publish, read, frozenset(guarded), imports, has_owners=True)
    typed = None
    if model is not None:
        found = models.model_of(model, unknown=unknown)
        rule, only = _asked(type_, check), Unique.each(unique)
        typed = models.Typed(type_, found, rule, shape, upcast or {}, subject, keep, only)
        _check_typed(typed, access if unknown == "refuse" else Access())
    elif check or upcast or subject or shape > 1 or unique:
        raise ValueError(f"{type_}: check=, shape=, upcast=, unique= and subject= need model=")
    elif keep is not None:
        raise ValueError(f"{type_}: keep= needs subject=")
    declared_in, declared = registry.access.get(type_, (module, access))
    known = models.find(type_)
    is_same = declared == access and (known and known.model.cls) is model
    if declared_in != module and not is_same:
        raise ValueError(f"{type_} is declared in {declared_in} already, and otherwise")
    registry.access[type_] = module, access
    registry.lanes[type_] = _LANES[lane]
    models.register(type_, typed)
    registry.sync.setdefault(type_, {})


def erasures(*, two_people: bool) -> None:
    """Declare whether another operator has to confirm each requested erasure."""
    registry.needs_two = two_people


def erasure_needs_two() -> bool:
    """Return whether an erasure needs two people."""
    load()
    return registry.needs_two


def _asked(type_: str, rule: Rule[Any] | None) -> Callable[..., str | None] | None:
    """Return a user's rule as a function that is also told which client publishes."""
    if rule is None:
        return None
    if _takes(rule, "before", "after", "client"):
        return rule
    if _takes(rule, "before", "after"):
        told: Callable[..., str | None] = rule
        return lambda before, after, _client: told(before, after)
    raise ValueError(f"{type_}: check= is called with (before, after) or (before, after, client)")


def _takes(rule: Callable[..., object], *arguments: str) -> bool:
    try:
        signature(rule).bind(*arguments)
    except TypeError:
        return False
    return True


def _check_typed(typed: models.Typed, access: Access) -> None:
    if typed.subject and typed.subject not in typed.model.names:
        raise ValueError(f"{typed.type}: subject names {typed.subject}, which is not a field")
    if typed.keep is not None and not typed.subject:
        raise ValueError(f"{typed.type}: keep= needs subject=")
    if typed.subject and typed.model.erased({typed.subject: ""})[typed.subject] not in ("", ERASED):
        raise ValueError(f"{typed.type}: a personal subject is a text without a default")
    if typed.subject and (stuck := typed.model.unerasable):
        raise ValueError(
            f"{typed.type}: {stuck[0]} is personal and has a pattern, so it needs a default"
            " that stands for it once the person is erased"
        )
    owners = access.read.owners | access.publish.owners | access.importing.owners
    unique = frozenset(name for one in typed.unique for name in one.fields)
    for word, names in (("guarded", access.guarded), ("own", owners), ("unique", unique)):
        if strange := sorted(names - typed.model.names):
            raise ValueError(
                f"{typed.type}: {word} names {strange[0]}, which the model does not have"
            )
    if typed.shape < 1 or sorted(typed.upcast) != list(range(1, typed.shape)):
        raise ValueError(
            f"{typed.type}: upcast needs a function for each shape below {typed.shape}"
        )


def check_content(
    key: ItemKey, content: Content, before: Stored[Any] | None, client: Client | None = None
) -> None:
    """Refuse content that does not fit the model of its type, or that the type's rule refuses.

    A deletion that changes nothing else fits. The rule is told which client publishes.

    Raises:
        InvalidInputError: it names every wrong field.
        RuleRefusedError: the rule does not let the item as it is become that.
    """
    typed = models.find(key.type)
    was = before.attributes if before else {}
    if typed is None or (content.is_deleted and content.attributes in ({}, was)):
        return
    is_there = before is not None and not before.is_deleted
    current = was if is_there else None
    refusal = typed.refusal(current, content.attributes, tenant=key.tenant, client=client)
    if refusal:
        raise RuleRefusedError(refusal)


def access_of(type_: str) -> Access:
    """Return the declaration of a type.

    Raises:
        UnknownTypeError: nobody registers it.
    """
    check_type(type_)
    return registry.access[type_][1] if type_ in registry.access else UNDECLARED


def lane_of(type_: str) -> Lane:
    """Return the lane that a type's versions are published to while the express lane is enabled."""
    return (
        registry.lanes.get(type_, Lane.EXPRESS) if bootstrap.has_express_lane() else Lane.STANDARD
    )


def check_publish(type_: str, client: Client | None) -> None:
    """Refuse a client that may not publish a type.

    Raises:
        UnknownTypeError, NotPermittedError: why not.
    """
    _require_any(access_of(type_).publish, client, f"publishing {type_}", type_, "publish")


def check_import(type_: str, client: Client | None) -> None:
    """Refuse a client that may not publish a type by imports.

    Raises:
        UnknownTypeError, NotPermittedError: why not.
    """
    access = access_of(type_)
    if access.imports is None:
        check_publish(type_, client)
    else:
        _require_any(access.imports, client, f"importing {type_}", type_, "imports")


def _require_any(policy: Policy, client: Client | None, what: str, type_: str, word: str) -> None:
    """Refuse a client that may do it for no item; `check_own` asks for each one."""
    if not policy.allows_own(client):
        require(policy, client, what, f'command_type("{type_}")', word)


def check_read(type_: str, client: Client | None) -> None:
    """Refuse a client that may not read all items of a type.

    Raises:
        UnknownTypeError, NotPermittedError: why not.
    """
    if client is not None:
        policy = access_of(type_).read
        require(policy, client, f"reading {type_}", f'command_type("{type_}")', "read")


def check_named(type_: str, attributes: Collection[str], client: Client | None) -> None:
    """Refuse a client that may not read a type and names a guarded attribute, whatever its value.

    A refusal of the wrong values alone would tell the right one, guess by guess.

    Raises:
        UnknownTypeError, NotPermittedError: why not.
    """
    access = access_of(type_)
    if access.read.allows(client) or access.read.allows_own(client):
        return  # an item that such a client changes is its own: see `check_change`
    for name in sorted(access.guarded.intersection(attributes)):
        raise NotPermittedError(
            f"attributes.{name} of {type_} is written by code only, and you may not read it:"
            " leave it out"
        )


def readable(tenant: str, type_: str, code: str, client: Client | None) -> ItemKey:
    """Return the key of an item of a type that a client may read, all of it or its own.

    Raises:
        InvalidInputError, UnknownTypeError, NotPermittedError: why not.
    """
    key = ItemKey.checked(tenant, type_, code)
    if client is not None and not access_of(key.type).read.allows_own(client):
        check_read(key.type, client)
    return key


def sees(client: Client | None, state: Stored[Any]) -> bool:
    """Return whether a client may read a version, or a state of an item, of a type it may read."""
    if client is None:
        return True
    policy = access_of(state.key.type).read
    return policy.allows(client) or policy.sees(client, state.attributes)


def sees_all(type_: str, client: Client | None) -> bool:
    """Return whether a client may read all items of a type that it may read."""
    return access_of(type_).read.allows(client)


def check_change(client: Client | None, latest: Stored[Any] | None) -> None:
    """Refuse a client that reads only its own items, and changes one that it may not read.

    Else it could make an item its own, and read what others have written into it.

    Raises:
        NotPermittedError: the latest version does not name the client.
    """
    if client is None or latest is None:
        return
    policy = access_of(latest.key.type).read
    if policy.allows_own(client) and not sees(client, latest):
        raise NotPermittedError(
            f"{latest.key.type} {latest.key.code} is not yours: you may read and change items"
            f" for {policy}"
        )


def check_own(
    policy: Policy,
    key: ItemKey,
    client: Client | None,
    before: Stored[Any] | None,
    after: Content | None = None,
) -> None:
    """Refuse a client that publishes only its own, where the item is not, or would not be, its own.

    A deletion without attributes is for whom the item names. Without `after`, only that is asked.

    Raises:
        NotPermittedError: the version before, or the one after, does not name the client.
    """
    if not policy.allows_own(client):
        return
    is_bare = before is not None and after is not None and after.is_deleted and not after.attributes
    for found, fault in (
        (before, "is not yours"),
        (None if is_bare else after, "would not be yours"),
    ):
        if found is not None and not policy.sees(client, found.attributes):
            raise NotPermittedError(
                f"{key.type} {key.code} {fault}: you may publish items for {policy}"
            )


def types() -> dict[str, Access]:
    """Return every type with its declaration."""
    load()
    return {type_: access_of(type_) for type_ in sorted(registry.sync)}


def on_notice(action: str, *, depth: int = DEEPEST) -> Callable[[NoticeHandler], NoticeHandler]:
    """Register a function that receives status notices, such as `command-status`.

    It runs at least once per notice, in no particular order. What it publishes or starts causes
    the next notice, one deeper. A notice of this `depth` is the end of a loop: no handler gets it.
    """
    if depth < 1:
        raise ValueError(f"{action}: depth is at least 1")

    def register(handler: NoticeHandler) -> NoticeHandler:
        registry.depths[handler] = depth
        registry.notices.setdefault(action, []).append(handler)
        return handler

    return register


def check_type(type_: str) -> None:
    """Refuse a type that nobody registered.

    Raises:
        UnknownTypeError: it names the types that exist.
    """
    load()
    if type_ not in registry.sync:
        raise UnknownTypeError(type_, sorted(registry.sync))


@contextmanager
def naming_unknown(type_: str) -> Iterator[None]:
    """Where nothing is found, refuse a type that nobody registered: it is misspelt.

    Raises:
        UnknownTypeError: it names the types that exist.
    """
    try:
        yield
    except NotFoundError:
        check_type(type_)
        raise


def types_of(name: str) -> list[str]:
    """Return the types that have a handler of this name; it writes the read model of this name."""
    load()
    return [type_ for type_ in sorted(registry.sync) if name in writers_of(type_)]


def all_names() -> list[str]:
    """Return the names of all handlers that write a read model."""
    load()
    return sorted({name for type_ in registry.sync for name in writers_of(type_)})


def writers_of(type_: str) -> list[str]:
    """Return the handlers of a type that write a read model, as they were registered."""
    names = names_of(type_)
    return [name for name in names if registry.sync[type_][name] not in registry.acting]


def names_of(type_: str) -> list[str]:
    """Return the handlers of a type, in the order in which they were registered."""
    load()
    handlers = registry.sync.get(type_, {}).items()
    return [name for name, one in handlers if registry.conditions.get(one, lambda: True)()]


def find(type_: str, name: str) -> SyncHandler:
    """Return one handler.

    Raises:
        KeyError: it is not registered any more.
    """
    load()
    with known_elsewhere():
        return registry.sync[type_][name]


def find_bulk(type_: str, name: str) -> BulkHandler | None:
    """Return the bulk version of a handler, or None if there is none."""
    return registry.bulk.get(find(type_, name))


def notice_handlers(action: str, depth: int = 0) -> list[NoticeHandler]:
    """Return the functions that receive the notices of an action.

    Raises:
        NoticeLoopError: the notice is as deep as one of them lets it be.
    """
    load()
    found = registry.notices.get(action, [])
    for each in found:
        if depth >= registry.depths.get(each, DEEPEST):
            raise NoticeLoopError(action, each.__name__, depth)
    return found


@contextmanager
def known_elsewhere() -> Iterator[None]:
    """Raise a transient error where other code has stored a name that this code does not know.

    During a deploy, old and new code run side by side, so the next try may reach the other one.

    Raises:
        BusyError: a published version of the function lacks the name.
    """
    try:
        yield
    except (KeyError, UnknownNameError) as error:
        if bootstrap.is_published():
            raise BusyError(f"not known to this version of the code: {error}") from error
        raise


def registered(known: Mapping[str, T], name: object, unknown: type[UnknownNameError]) -> T:
    """Return what the user's package registers under a name.

    Raises:
        UnknownNameError: nobody registers the name. It is the `unknown` error, and lists the names
            that exist.
    """
    load()
    if not isinstance(name, str) or name not in known:
        raise unknown(name, sorted(known))
    return known[name]


def check_name(type_: str) -> None:
    """Refuse a text that cannot be a type of commands.

    Raises:
        ValueError: the text says why.
    """
    try:
        ItemKey.checked("any", type_, "any")
    except InvalidInputError as error:
        raise ValueError(f"{type_!r} cannot be a type: it {error.problem}") from error


def load() -> None:
    """Import every module of the user's package, once.

    Raises:
        AppBrokenError: one of them cannot be imported.
    """
    name = bootstrap.app_package()
    if name in registry.loaded:
        return
    with _lock:
        if name in registry.loaded:
            return
        package = _imported(name)
        for module in pkgutil.iter_modules(package.__path__):
            _imported(f"{name}.{module.name}")
        registry.loaded.add(name)


def _imported(name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except Exception as error:
        raise AppBrokenError(name, f"{type(error).__name__}: {error}", trace_of(error)) from error
