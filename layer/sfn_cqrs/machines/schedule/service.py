"""Plans from the outside: make, read, cancel, run."""

from datetime import datetime

from sfn_cqrs import bootstrap
from sfn_cqrs.kernel import moments
from sfn_cqrs.kernel.caller import Caller
from sfn_cqrs.kernel.clock import iso, new_ulid
from sfn_cqrs.kernel.command import Audit, Content, Known, Patch
from sfn_cqrs.kernel.errors import (
    BusyError,
    InvalidInputError,
    NotFoundError,
    NotOpenError,
)
from sfn_cqrs.kernel.keys import ItemKey, PlanKey, checked_key_part
from sfn_cqrs.kernel.models import models
from sfn_cqrs.kernel.policy import Client
from sfn_cqrs.kernel.request import Request
from sfn_cqrs.kernel.tables.paging import DEFAULT_LIMIT, Page
from sfn_cqrs.kernel.values import Json, digest
from sfn_cqrs.machines.command import handlers
from sfn_cqrs.machines.command.planned import Planned
from sfn_cqrs.machines.command.service import CommandService
from sfn_cqrs.machines.schedule import programs
from sfn_cqrs.machines.schedule.rules import DEADLINE, Plan, Status, Wanted
from sfn_cqrs.machines.schedule.runner import PlanFlow


class PlanService:
    """The plans of a tenant's items."""

    def __init__(self, tenant: str, client: Client | None = None) -> None:
        """Work for one tenant, and for a client, or for code.

        A client sees the plans of the items that it may read, and otherwise its own.
        """
        self._tenant = tenant
        self._client = client

    def make(
        self,
        type_: str,
        code: str,
        wanted: Content | Patch,
        at: datetime,
        *,
        version: int = Known.LATEST,
        replaces: str | None = None,
        caller: Caller | None = None,
        asked_at: Json = None,
    ) -> Planned:
        """Plan a publish, if it could be published now.

        A rule over the item as it then is, `check=`, is asked when it is due. `asked_at` is how the
        moment was asked for, if the same request may come to another one, such as `after`. What was
        planned on the item under the name `replaces` is replaced.

        Raises:
            InvalidInputError: the moment is not in the future, or a field cannot be stored.
            NotPermittedError, NotFoundError, VersionConflictError: a publish would be refused.
            IdempotencyMismatchError: the idempotency key was used for something else.
        """
        caller = caller or Caller()
        moments.checked(at)
        asked = digest(
            ["plan", type_, code, version, asked_at or at.isoformat(), wanted.as_asked, replaces]
        )
        change = CommandService(self._tenant).change(type_, code, wanted, version, caller)
        seen = self._seen(change.key, caller, asked)
        if seen is not None:
            return seen
        now = bootstrap.now()
        due = moments.in_future(at, now)
        change.check()
        name = new_ulid(now)
        order = name
        if replaces is not None:
            name = _checked_name(replaces)
            order = self._order_after(PlanKey(change.key, name), order)
        plan = Plan(
            item=change.key,
            name=name,
            order=order,
            due_at=iso(due),
            if_version=None if version == Known.LATEST else version,
            wanted=Wanted.of(wanted, models.shape_of(type_)),
            created=Audit(iso(now), caller.user, caller.ip),
            updated_at=iso(now),
            client=caller.client,
            source=caller.source,
            request_id=caller.request_id,
        )
        return self._made(plan, caller, asked)

    def _order_after(self, key: PlanKey, order: str) -> str:
        """Return an order later than what is planned; clocks of requests may differ."""
        found = bootstrap.schedule().find(key)
        return order if found is None or found.is_older_than(order) else f"{found.order}0"

    def _made(self, plan: Plan, caller: Caller, asked: str) -> Planned:
        """Store a plan, or return that of the same request.

        Raises:
            BusyError: the same request is being answered just now.
        """
        key, request = caller.request_key, None
        if key is not None:
            expires_at = int(bootstrap.now().timestamp()) + caller.remembered_for
            answer: dict[str, Json] = {"id": plan.name, "dueAt": plan.due_at}
            request = Request(self._tenant, key, asked, answer, expires_at)
        if PlanFlow(plan.item, request).run(programs.plan(plan)):
            return _told(plan.item, plan.name, plan.due_at)
        seen = self._seen(plan.item, caller, asked)
        if seen is None:
            raise BusyError("the same request is being answered just now; try again")
        return seen

    def _seen(self, item: ItemKey, caller: Caller, asked: str) -> Planned | None:
        """Return the first answer to this same request, if it was made before.

        Raises:
            IdempotencyMismatchError: the key was used for something else.
        """
        key = caller.request_key
        request = bootstrap.requests().find(self._tenant, key) if key is not None else None
        if request is None:
            return None
        answer = request.result_for(asked)
        return _told(item, str(answer["id"]), str(answer["dueAt"]))

    def list(
        self,
        status: Status = Status.PLANNED,
        *,
        limit: int = DEFAULT_LIMIT,
        cursor: str | None = None,
    ) -> Page[Plan]:
        """Return a page of the tenant's plans that are PLANNED or REFUSED, the next due first.

        Plans that the client may not see are left out, so the page may be short.
        """
        page = bootstrap.schedule().page_of_status(self._tenant, status, limit, cursor)
        return Page([plan for plan in page.items if self._sees(plan)], page.next_cursor)

    def of_item(
        self, type_: str, code: str, *, limit: int = DEFAULT_LIMIT, cursor: str | None = None
    ) -> Page[Plan]:
        """Return a page of an item's plans, with those that ended in the last 30 days.

        Raises:
            NotPermittedError: the client may not read items of the type.
        """
        key = handlers.readable(self._tenant, type_, code, self._client)
        page = bootstrap.schedule().page(PlanKey(key, ""), limit, cursor)
        return Page([plan for plan in page.items if self._sees(plan)], page.next_cursor)

    def get(self, type_: str, code: str, name: str) -> Plan:
        """Return a plan of an item.

        Raises:
            InvalidInputError: no plan can have this name.
            NotFoundError: there is none, or it is not the client's.
            NotPermittedError: the client may not read items of the type.
        """
        key = handlers.readable(self._tenant, type_, code, self._client)
        found = bootstrap.schedule().find(PlanKey(key, checked_key_part(name, "plan")))
        if found is None or not self._sees(found):
            raise NotFoundError(f"{type_} {code} has no plan {name}")
        return found

    def cancel(self, type_: str, code: str, name: str) -> Plan:
        """Cancel a plan that is PLANNED or REFUSED, and return it.

        Raises:
            NotFoundError: there is none, or it is not the client's.
            NotPermittedError: the client may not publish the type.
            NotOpenError: it has ended.
        """
        return self._changed(type_, code, name, programs.cancel(name))

    def run(self, type_: str, code: str, name: str) -> Plan:
        """Publish a plan now, as the one who made it, and return how that ended.

        What is due of the item comes first. A plan that was REFUSED is tried again.

        Raises:
            NotFoundError: there is none, or it is not the client's.
            NotPermittedError: the client may not publish the type.
            NotOpenError: it has ended.
        """
        return self._changed(type_, code, name, programs.run(name, iso(bootstrap.now())))

    def _changed(self, type_: str, code: str, name: str, program: programs.Program) -> Plan:
        found = self.get(type_, code, name)
        self._check_change(found)
        if not PlanFlow(found.item).run(program):
            raise NotOpenError(f"the plan {name} has ended: it is {found.status}")
        return self.get(type_, code, name)

    def _check_change(self, plan: Plan) -> None:
        """Refuse a client that may not publish the item, as it is and as it is planned.

        Raises:
            NotPermittedError: why not.
        """
        item, client = plan.item, self._client
        handlers.check_publish(item.type, client)
        latest = bootstrap.commands().latest(item)
        handlers.check_change(client, latest)
        wanted = plan.wanted.asked(plan.wanted.attributes)
        after = wanted if isinstance(wanted, Content) else None
        handlers.check_own(handlers.access_of(item.type).publish, item, client, latest, after)

    def _sees(self, plan: Plan) -> bool:
        """Return whether the client may see a plan: it may read the type's items, or made it."""
        if handlers.sees_all(plan.item.type, self._client):
            return True
        made_by = plan.client.user if plan.client else ""
        return self._client is not None and bool(made_by) and made_by == self._client.user


def _checked_name(name: object) -> str:
    """Return a name that a client gives a plan.

    Raises:
        InvalidInputError: no plan, or no plan of a client's, can have it.
    """
    found = checked_key_part(name, "replace")
    if found.startswith(DEADLINE):
        raise InvalidInputError("replace", f"must not begin with {DEADLINE!r}: handlers set these")
    return found


def _told(item: ItemKey, name: str, due_at: str) -> Planned:
    return Planned(item.type, item.code, name, due_at)
