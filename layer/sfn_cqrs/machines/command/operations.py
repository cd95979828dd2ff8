"""Operating the chains: see which versions wait for others, retry, skip."""

from dataclasses import dataclass
from functools import partial

from sfn_cqrs import bootstrap
from sfn_cqrs.kernel.caller import Caller
from sfn_cqrs.kernel.command import Command
from sfn_cqrs.kernel.errors import NotFoundError
from sfn_cqrs.kernel.functions.own_lists import MOST_VERSIONS, OwnList
from sfn_cqrs.kernel.keys import ItemKey
from sfn_cqrs.kernel.notices import depth_here
from sfn_cqrs.kernel.policy import Client
from sfn_cqrs.kernel.tables.paging import DEFAULT_LIMIT, Page
from sfn_cqrs.machines.command import chain, handlers
from sfn_cqrs.machines.command.giving_up import GivenUp, give_up, give_up_and_restore
from sfn_cqrs.machines.command.process import Mode, Outcome, Process
from sfn_cqrs.machines.command.runner import Chain
from sfn_cqrs.machines.command.waiting import wait_until_closed


@dataclass(frozen=True, slots=True)
class Link:
    """One version in its chain; `waits_for` is the version that has to close first.

    A version that an import applied, or whose process item has expired, has no process.
    """

    command: Command
    process: Process | None
    waits_for: int | None = None

    @property
    def state(self) -> Process:
        """Return the process, or a finished APPLIED one if none is stored."""
        if self.process is not None:
            return self.process
        return Process(
            key=self.command.key,
            version=self.command.version,
            outcome=Outcome.APPLIED,
            mode=Mode.SYNC,
            status="finish:FINISHED",
        )

    @property
    def is_closed(self) -> bool:
        """Return whether no attempt is under way."""
        return not self.state.outcome.is_open


class ChainService:
    """The chains of a tenant's items."""

    def __init__(self, tenant: str, client: Client | None = None) -> None:
        """Work for one tenant, and for a client, or for code.

        Each type declares who may read it.
        """
        self._tenant = tenant
        self._client = client

    def show(
        self, type_: str, code: str, *, limit: int = DEFAULT_LIMIT, cursor: str | None = None
    ) -> Page[Link]:
        """Return a page of an item's versions, the newest first; limit 1 to 100.

        Raises:
            NotFoundError: the item was never published, or no version is the client's.
        """
        key = handlers.readable(self._tenant, type_, code, self._client)
        read = partial(bootstrap.commands().page, key)
        if handlers.sees_all(type_, self._client):
            page = read(limit, cursor)
        else:
            own = OwnList(
                key.tenant,
                f"chain/{key.type}/{key.code}",
                read,
                lambda version: self._sees(version[0]),
                lambda version: key.version_sk(version[0].version),
                lambda _version: 0,
            )
            page = own.page(limit, cursor, MOST_VERSIONS)
        if not page.items and cursor is None:
            raise NotFoundError(f"{type_} {code} does not exist")
        return Page([_link(*version) for version in page.items], page.next_cursor)

    def find(self, type_: str, code: str, version: int) -> Link:
        """Return one version of an item.

        Raises:
            NotFoundError: it was never published, has expired, or is not the client's.
        """
        key = handlers.readable(self._tenant, type_, code, self._client)
        command = bootstrap.commands().find(key, version)
        if command is None or not handlers.sees(self._client, command):
            raise NotFoundError(f"{type_} {code} has no version {version}")
        return _link(command, bootstrap.processes().find(key, version))

    def _sees(self, listed: Command) -> bool:
        """Return whether the client may read a listed version; large attributes are loaded."""
        if listed.attributes_s3 is None:
            return handlers.sees(self._client, listed)
        whole = bootstrap.commands().find(listed.key, listed.version)
        return whole is not None and handlers.sees(self._client, whole)

    def wait(self, type_: str, code: str, version: int, seconds: float) -> Link:
        """Return one version of an item once it has closed, or once the seconds have passed.

        A version is closed when it is not under way. FAILED and BLOCKED count as closed: they wait
        for a person.

        Raises:
            NotFoundError: it was never published, or has expired.
        """
        link = self.find(type_, code, version)
        if link.is_closed or seconds <= 0:
            return link
        settled = wait_until_closed(link.command.key, version, seconds, self._client)
        return _link(link.command, settled.process) if settled.is_closed else link

    def retry(
        self, type_: str, code: str, version: int, *, caller: Caller | None = None
    ) -> Process:
        """Run a failed version again; the versions that it blocked then continue.

        The version keeps the name of the caller.

        Raises:
            NotFoundError: there is no such version.
            NotFailedError: it is neither FAILED nor BLOCKED.
        """
        key = ItemKey.checked(self._tenant, type_, code)
        return Chain(key).run(chain.retry(version, depth_here(), _name_of(caller)))

    def skip(
        self,
        type_: str,
        code: str,
        version: int,
        *,
        restore: bool = False,
        caller: Caller | None = None,
    ) -> GivenUp:
        """Give up a failed version for good; the next version continues without it.

        The version keeps the name of the caller. With `restore`, what was applied before it is
        published as the next version, by the caller.

        Raises:
            NotFoundError: there is no such version.
            NotFailedError: it is neither FAILED nor BLOCKED.
            NoAppliedVersionError: there is nothing to restore; nothing was skipped.
        """
        key = ItemKey.checked(self._tenant, type_, code)
        if restore:
            return give_up_and_restore(key, version, caller or Caller())
        return give_up(key, version, _name_of(caller))


def _name_of(caller: Caller | None) -> str:
    return caller.signature if caller else ""


def _link(command: Command, process: Process | None) -> Link:
    waiting = (Outcome.WAITING, Outcome.BLOCKED)
    if process is None or process.outcome not in waiting:
        return Link(command, process)
    predecessor = Chain(command.key).run(chain.previous(command.version))
    return Link(command, process, predecessor.version or None)
