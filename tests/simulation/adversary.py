"""An adversarial client, and what must not happen: no guarded effect without its decision.

Mallory is a member of tenant1, eve an operator of it who asks for approvals of her own. Both
publish, delete, edit between request and grant, reuse keys, replay and forge links, name other
tenants, and send what their claims might be misread for. Hanako and jiro look at an approval,
and decide on what they have seen, some time later. All come in an order that the seed decides.
"""

import random
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from typing import Any, Self
from unittest import mock

from tests.support.api import Answer, Api, Person, form
from tests.support.orders import an_order

from sfn_cqrs import bootstrap
from sfn_cqrs.api.write_budget import BUCKETS, Rate, WriteBudget
from sfn_cqrs.kernel.caller import Caller
from sfn_cqrs.kernel.command import Command
from sfn_cqrs.kernel.errors import IdempotencyMismatchError, SupersededError
from sfn_cqrs.kernel.keys import ItemKey
from sfn_cqrs.kernel.policy import CODE, MEMBERS
from sfn_cqrs.machines.approval import programs as approval_programs
from sfn_cqrs.machines.approval import types as approval_types
from sfn_cqrs.machines.approval.items import APPROVALS
from sfn_cqrs.machines.approval.rules import Approval, Pinned, Status
from sfn_cqrs.machines.approval.runner import ApprovalFlow
from sfn_cqrs.machines.approval.service import ApprovalService
from sfn_cqrs.machines.command import handlers
from sfn_cqrs.machines.command.service import CommandService
from sfn_cqrs.machines.import_csv import strategies
from sfn_cqrs.machines.import_csv.declaration import Column, ImportStrategy, Record
from sfn_cqrs.machines.import_csv.items import IMPORTS
from sfn_cqrs.machines.import_csv.job import ProcessingMode
from sfn_cqrs.machines.saga import types as saga_types
from sfn_cqrs.machines.saga.items import SAGAS
from sfn_cqrs.machines.task import types as task_types
from sfn_cqrs.machines.task.items import TASKS
from sfn_cqrs.machines.zip_orchestrator.items import ZIPS

MALLORY, EVE = Person("mallory"), Person("eve", ("operator",))
HONEST = [Person("hanako", ("operator",)), Person("jiro", ("operator",))]
SETUP = Caller(user="setup", source="setup")
CODES = ["o-1", "o-2"]
SECRETS = ("PAYMENT-SECRET", "TENANT2-SECRET", "SALARY-SECRET")
GREEDY = Person("mallory", (), "tenant3")
WRITES, PLACES = 5, 2
"""What a tenant may write, and how many imports it may have open, while somebody is greedy."""
CHANNELS = [
    "tenant2/command/ORDER/*",
    "tenant2/command/ORDER/o-1",
    "tenant1/command/PAYMENT/*",
    "tenant1/command/PAYMENT/p-1",
    "tenant1/approval/SALARY/*",
    "tenant1/*",
]
MISREAD = ["shift operator", "operator,shift", "[[operator]]", "[shift,operator]", "[operator"]
LINK_SECONDS = 2 * 24 * 3600


class BrokenError(Exception):
    """Something has happened that must not."""


class _Rows(ImportStrategy):
    columns = (Column("code", required=True), Column("release"), Column("available"))

    def transform(self, cells: Any) -> Record:
        """Take what a row says; an order has its customer."""
        named = {name: cells[name] for name in ("release", "available") if cells.get(name)}
        return Record(cells["code"], cells["code"], {"customer": "row", **named})


class Orders(_Rows):
    """A table that members import into."""

    type = "ORDER"


class Stocks(_Rows):
    """A table of a type that they do not publish."""

    type = "STOCK"

    def transform(self, cells: dict[str, str]) -> Record:
        """Take the cells; the type's model wants a number."""
        record = super().transform(cells)
        available = {"available": int(cells["available"])}
        return replace(record, attributes=record.attributes | available)


class Adversary:
    """One story, which a seed decides."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.api = Api()
        self.looked: list[tuple[Person, str, str]] = []
        self.seen: set[tuple[str, str, str]] = set()
        self.links: list[tuple[str, str, str, float]] = []
        self._checked = 0
        self._cleanup = ExitStack()

    def __enter__(self) -> Self:
        enter = self._cleanup.enter_context
        enter(self.api)
        enter(mock.patch("time.sleep"))
        handlers.load()
        patched = mock.patch.dict
        tables = {"orders": Orders(), "stocks": Stocks(), "small": Orders()}
        enter(patched(strategies._strategies, tables))
        rule = strategies.Rule(MEMBERS, 100, step_function=True)
        rules = {"orders": rule, "stocks": rule, "small": strategies.Rule(MEMBERS)}
        enter(patched(strategies._rules, rules))
        release = approval_types.find("ORDER_RELEASE")
        of_others = replace(release.rules, group="boss")
        salary = replace(release, name="SALARY", of=None, read=CODE, rules=of_others)
        enter(patched(approval_types._types, {"SALARY": salary}))
        task = task_types.find("ORDER_REMINDER")
        closed = replace(task, name="PAYOUT", access=replace(task.access, publish=CODE))
        enter(patched(task_types._types, {"PAYOUT": closed}))
        saga = saga_types._types["order-saga"]
        saga_closed = replace(saga, name="payout", access=replace(saga.access, publish=CODE))
        enter(patched(saga_types._types, {"payout": saga_closed}))
        for tenant in ("tenant1", "tenant2"):
            publish = CommandService(tenant).publish_sync
            secret = {"note": "TENANT2-SECRET"} if tenant == "tenant2" else {}
            for code in CODES:
                order = {"customer": "ada", "total": 1, **secret}
                publish("ORDER", code, name=code, attributes=order, caller=SETUP)
            paid = {"customer": "PAYMENT-SECRET", "amount": 1, "status": "CHARGED"}
            publish("PAYMENT", "p-1", name="p-1", attributes=paid, caller=SETUP)
            publish("STOCK", "s-1", name="s-1", attributes={"available": 1}, caller=SETUP)
            self._put(f"uploads/{tenant}/x/orders.csv", f"code\n{tenant.upper()}-SECRET\n")
        self._put("uploads/tenant3/x/orders.csv", "code\nx-1\n")
        payload = {"amount": "SALARY-SECRET"}
        approvals = ApprovalService("tenant1")
        self.salary = approvals.request("SALARY", payload=payload, caller=SETUP)
        world = self.api.world
        rate = Rate(WRITES / LINK_SECONDS, WRITES)
        self._tight = {
            "write_budget": WriteBudget(world.records(BUCKETS), rate, world.clock),
            "import_limits": replace(world.import_limits, jobs=PLACES),
        }
        return self

    def __exit__(self, *error: Any) -> None:
        self._cleanup.close()

    def run(self, steps: int = 48) -> None:
        """Let everybody do something, in some order; then let what is decided be done.

        Raises:
            BrokenError: an invariant does not hold.
        """
        for _ in range(steps):
            self.chance.choice(ACTIONS)(self)
            self.check()
        for approval in self.approvals:
            self._process(approval)
        self.check()
        self.check_effects()

    # What the machine and the honest do.

    def look(self) -> None:
        """Somebody honest looks at what is to be decided, as it is shown."""
        who, approval = self.chance.choice(HONEST), self._one()
        if approval is not None:
            shown = self.api.send(who, "GET", f"/approvals/{approval.key.id}").body
            self.looked.append((who, approval.key.id, shown["digest"]))
            self.seen.add((who.user, approval.key.id, shown["digest"]))

    def decide(self) -> None:
        """Somebody honest decides on what they have looked at."""
        if self.looked:
            who, id_, digest = self.looked.pop(self.chance.randrange(len(self.looked)))
            verb = self.chance.choice(["approve", "approve", "reject"])
            self._vote(who, id_, verb, {"digest": digest})

    def agree(self) -> None:
        """Somebody asks for something, and somebody honest decides on it at once."""
        self.ask()
        newest = max(self.approvals, key=lambda one: one.key.ulid, default=None)
        if newest is None:
            return
        who = self.chance.choice(HONEST)
        shown = self.api.send(who, "GET", f"/approvals/{newest.key.id}").body
        self.seen.add((who.user, newest.key.id, shown["digest"]))
        verb = self.chance.choice(["approve", "approve", "reject"])
        self._vote(who, newest.key.id, verb, {"digest": shown["digest"]})
        if self.chance.random() < 0.5:
            self._process(ApprovalService("tenant1").get(newest.key.id))

    def link(self) -> None:
        """Somebody honest is sent a link, looks at its page, and may decide by it later."""
        who, approval = self.chance.choice(HONEST), self._open()
        if approval is None or approval.is_decided or approval.created.by == who.user:
            return
        if approval.is_over(self.api.world.clock().strftime("%Y-%m-%dT%H:%M:%S.000Z")):
            return
        service, groups = ApprovalService("tenant1"), frozenset(who.groups)
        url = service.link(approval.key.id, who.user, groups, base_url="https://x.example")
        token = url.partition("?token=")[2]
        self.seen.add((who.user, approval.key.id, approval.digest))
        now = self.api.world.clock().timestamp()
        self.links.append((approval.key.id, who.user, token, now + LINK_SECONDS))

    def process(self) -> None:
        """The machine does what is decided."""
        approval = self._one()
        if approval is not None:
            self._process(approval)

    def time(self) -> None:
        """Hours or days pass."""
        self.api.world.clock.advance(hours=self.chance.choice([1, 12, 49]))

    # What mallory and eve try.

    def ask(self) -> None:
        body = {"type": "ORDER_RELEASE", "subject": self.chance.choice(CODES), "note": "harmless"}
        who = self.chance.choice([MALLORY, MALLORY, EVE])
        self.api.send(who, "POST", "/approvals", body)

    def edit(self) -> None:
        self._publish(MALLORY, {"partial": True, "attributes": {"total": self._number()}})

    def forge(self) -> None:
        changes: list[dict[str, Any]] = [
            {"release": "released"},
            {"release": None},
            {"status": "SHIPPED"},
            {"release": "released", "total": 9},
        ]
        change, who = self.chance.choice(changes), self.chance.choice([MALLORY, EVE])
        body: dict[str, Any] = {"partial": True, "attributes": change}
        if self.chance.random() < 0.5:
            whole = {"customer": "m", **{k: v for k, v in change.items() if v is not None}}
            body = {"name": "x", "attributes": whole, "version": -1}
        self._publish(who, body)

    def overwrite(self) -> None:
        body = {"name": "mine", "attributes": {"customer": "m"}, "version": -1}
        self._publish(MALLORY, body)

    def delete(self) -> None:
        self.api.send(MALLORY, "DELETE", f"/commands/ORDER/{self.chance.choice(CODES)}")

    def steal(self) -> None:
        """Publish, start and read what is not theirs."""
        refund = {"customer": "eve", "amount": 1, "status": "REFUNDED"}
        pay = {"code": "p-1", "name": "p", "attributes": refund, "version": -1, "type": "PAYMENT"}
        self.api.send(self.chance.choice([MALLORY, EVE]), "POST", "/commands", pay)
        stock = {**pay, "type": "STOCK", "code": "s-1", "attributes": {"available": 999_999}}
        self.api.send(MALLORY, "POST", "/commands", stock)
        letter = {"order": "o-1", "to": "m@x.org"}
        self.api.send(MALLORY, "POST", "/tasks", {"taskType": "PAYOUT", "input": [letter]})
        self.api.send(MALLORY, "POST", "/sagas", {"saga": "payout", "input": an_order()})
        for path in ("/data/PAYMENT/p-1", "/commands/PAYMENT/p-1/1", "/data/PAYMENT/p-1/history"):
            self._kept(self.api.send(MALLORY, "GET", path))
        self._kept(self.api.send(MALLORY, "GET", "/data", query={"type": "PAYMENT"}))

    def rows(self) -> None:
        """Import what cannot be published."""
        table = self.chance.choice(["orders", "stocks"])
        code = self.chance.choice(CODES) if table == "orders" else "s-1"
        self._put("uploads/tenant1/m/rows.csv", f"code,release,available\n{code},released,7\n")
        keys = ["uploads/tenant1/m/rows.csv", "uploads/tenant2/x/orders.csv"]
        body = {"key": self.chance.choice(keys), "tableName": table, "processingMode": "DIRECT"}
        self.api.send(MALLORY, "POST", "/imports", body)
        small = {"tableName": "small", "processingMode": "STEP_FUNCTION"}
        self.api.send(MALLORY, "POST", "/imports", {**body, **small})

    def use_up(self) -> None:
        """Send a key that code is going to use, for the very change."""
        approval = self._one()
        if approval is None or approval.item is None:
            return
        key, code = approval.key.id, approval.item.code
        held = {"release": self.chance.choice(["held: rejected", "released"])}
        change = self.chance.choice([held, {"total": self._number()}])
        body = {"type": "ORDER", "code": code, "partial": True, "attributes": change}
        versions = [{}, {"version": approval.item.version}]
        prefix = self.chance.choice(["", "", "code/", "client/"])
        sent = {**body, **self.chance.choice(versions)}
        self.api.send(MALLORY, "POST", "/commands", sent, key=f"{prefix}{key}")

    def vote(self) -> None:
        """Decide without a right to, or without having looked."""
        own = [one for one in self.approvals if one.created.by == EVE.user and not one.is_decided]
        approval = self.chance.choice(own) if own else self._one()
        if approval is None:
            return
        digests: list[dict[str, Any]] = [{"digest": approval.digest}, {"digest": "x"}, {}]
        body, id_ = self.chance.choice(digests), approval.key.id
        if self.chance.random() < 0.5:
            who = EVE if body != digests[0] or approval.created.by == EVE.user else MALLORY
            self._vote(who, id_, "approve", body)
        else:
            claims = MALLORY.claims | {"cognito:groups": self.chance.choice(MISREAD)}
            self._vote(MALLORY, id_, self.chance.choice(["approve", "reject"]), body, claims)

    def replay(self) -> None:
        """Use a link of somebody's: one that is over, or made up; time may pass before that."""
        if not self.links:
            return
        if self.chance.random() < 0.3:
            self.api.world.clock.advance(hours=49)
        now = self.api.world.clock().timestamp()
        waiting = {one.key.id for one in self.approvals if not one.is_decided}
        over = [link for link in self.links if link[3] < now and link[0] in waiting]
        if over:
            id_, _, token, _ = self.chance.choice(over)
            if self._by_link(id_, token).status == 200:
                raise BrokenError("a link that is over has decided")
        else:
            id_, _, token, _ = self.chance.choice(self.links)
            payload, _, signature = token.partition(".")
            forged = "B" if signature.startswith("A") else "A"
            self._by_link(id_, f"{payload}.{forged}{signature[1:]}")

    def cross(self) -> None:
        """Name another tenant: in a header, a path, a body."""
        event = {"type": "ORDER", "code": "o-1", "partial": True, "attributes": {"total": 5}}
        headers = {"x-tenant-code": "tenant2"}
        self.api.send(MALLORY, "POST", "/commands", event, headers=headers)
        self._kept(self.api.send(MALLORY, "GET", "/data/ORDER/o-1", headers=headers))
        self._kept(self.api.send(MALLORY, "GET", "/data", query={"type": "ORDER"}, headers=headers))

    def listen(self) -> None:
        """Hear what is told to others, of what cannot be read."""
        channel = self.chance.choice(CHANNELS)
        if self.api.hear(MALLORY, f"/live/{channel}") == "":
            raise BrokenError(f"mallory hears {channel}")

    def pry(self) -> None:
        """Look at an approval that is nobody's but theirs who decide."""
        who = self.chance.choice([MALLORY, EVE])
        self._kept(self.api.send(who, "GET", f"/approvals/{self.salary}"))
        for status in ("ALL", "OPEN"):
            self._kept(self.api.send(who, "GET", "/approvals", query={"status": status}))

    def take_all(self) -> None:
        """Write and import more than a tenant may."""
        order = {"type": "ORDER", "name": "x", "attributes": {"customer": "m"}, "version": -1}
        many = [{**order, "code": f"x-{number}"} for number in range(WRITES + 1)]
        body = {"key": "uploads/tenant3/x/orders.csv", "tableName": "orders"}
        archive = self.chance.choice([{"processingMode": "STEP_FUNCTION"}, {"kind": "zip"}])
        with bootstrap.override(**self._tight):
            if self.chance.random() < 0.5:
                answer = self.api.send(GREEDY, "POST", "/commands/batch", {"commands": many})
                results = (answer.body or {}).get("results", [])
                if sum(each["status"] < 300 for each in results) > WRITES:
                    raise BrokenError("one request has written more than its tenant may")
        with bootstrap.override(import_limits=self._tight["import_limits"]):
            self.api.send(GREEDY, "POST", "/imports", {**body, **archive})
        jobs = (*self.api.world.all_of(IMPORTS), *self.api.world.all_of(ZIPS))
        if sum(job.key.tenant == GREEDY.tenant and job.status.is_open for job in jobs) > PLACES:
            raise BrokenError("a tenant has more open imports than it may")

    # What must hold.

    @property
    def approvals(self) -> list[Approval]:
        return [one for one in self.api.world.all_of(APPROVALS) if one.type != "SALARY"]

    def check(self) -> None:
        """No guarded effect without its decision; nothing of anybody else's."""
        written = len(self.api.world.dynamodb.written)
        if written == self._checked:
            return
        self._checked = written
        made = {one.key.id: one for one in self.approvals}
        stored = self.api.world.stored_commands()
        commands = {(command.key, command.version): command for command in stored}
        for (key, version), command in commands.items():
            before = commands.get((key, version - 1))
            if key.tenant == "tenant2" or key.type in ("PAYMENT", "STOCK"):
                if command.source != "setup":
                    raise BrokenError(f"{command.updated.by} has published {key}")
            elif "TENANT2-SECRET" in f"{command.key.code} {command.attributes}":
                raise BrokenError("something of tenant2 is in tenant1")
            else:
                self._check_order(command, before, made)
        self._check_work()

    def _check_work(self) -> None:
        """No client has started what it may not."""
        for record in (*self.api.world.all_of(TASKS), *self.api.world.all_of(SAGAS)):
            name = getattr(record, "saga", None) or record.key.type  # type: ignore[attr-defined]
            if name in ("PAYOUT", "payout"):
                raise BrokenError(f"a client has started {name}")
        for job in self.api.world.all_of(IMPORTS):
            if job.table == "small" and job.mode is ProcessingMode.STEP_FUNCTION:
                raise BrokenError("the machine imports what it may not")

    def check_effects(self) -> None:
        """What is decided and done has had its effect, or found it there."""
        effects = {Status.GRANTED: "released", Status.REJECTED: "held: rejected"}
        for approval in self.approvals:
            effect = effects.get(approval.status)
            if approval.stage != "DONE" or approval.item is None or effect is None:
                continue
            versions = self._versions(approval.item.code)
            is_made = approval.key.id in {one.source for one in versions}
            if not is_made and effect not in {one.attributes.get("release") for one in versions}:
                raise BrokenError(f"{approval.status} has had no effect")

    def _check_order(
        self, command: Command, before: Command | None, made: dict[str, Approval]
    ) -> None:
        was, now = (one.attributes if one else {} for one in (before, command))
        if was.get("status") != now.get("status"):
            raise BrokenError(f"{command.updated.by} has set a status")
        if was.get("release") == now.get("release"):
            return
        approval = made.get(command.source)
        if approval is None:
            raise BrokenError(f"{command.updated.by} has set release without an approval")
        if now.get("release") == "released":
            self._check_grant(approval, command)

    def _check_grant(self, approval: Approval, command: Command) -> None:
        pinned = approval.item and (approval.item.code, approval.item.version)
        if pinned != (command.key.code, command.version - 1):
            raise BrokenError("another version was released than was seen")
        for vote in approval.votes:
            if vote.by == approval.created.by:
                raise BrokenError("somebody has granted their own")
            if (vote.by, approval.key.id, vote.seen) not in self.seen:
                raise BrokenError(f"{vote.by} has granted what they have not seen")

    # Inside.

    def _one(self) -> Approval | None:
        found = self.approvals
        return self.chance.choice(found) if found else None

    def _open(self) -> Approval | None:
        """One that waits for somebody, if any does."""
        found = [one for one in self.approvals if not one.is_decided]
        return self.chance.choice(found) if found else None

    def _versions(self, code: str) -> list[Command]:
        return [
            command
            for command in self.api.world.stored_commands()
            if command.key == ItemKey("tenant1", "ORDER", code)
        ]

    def _vote(
        self,
        who: Person,
        id_: str,
        verb: str,
        body: dict[str, Any],
        claims: dict[str, Any] | None = None,
    ) -> None:
        approval = ApprovalService("tenant1").get(id_)
        answer = self.api.send(who, "POST", f"/approvals/{id_}/{verb}", body, claims=claims)
        if answer.status != 200:
            return
        if who is MALLORY:
            raise BrokenError("mallory has decided")
        if who.user == approval.created.by:
            raise BrokenError("somebody has decided on their own")
        if any(vote.by == who.user for vote in approval.votes):
            self._was_sent_again(approval)
        elif verb == "approve" and approval.item is not None:
            self._was_what_is_there(approval, approval.item, body)

    def _was_sent_again(self, approval: Approval) -> None:
        """The same decision sent again is answered, and counts once."""
        if ApprovalService("tenant1").get(approval.key.id).votes != approval.votes:
            raise BrokenError("somebody's decision counts twice")

    def _was_what_is_there(self, approval: Approval, item: Pinned, body: dict[str, Any]) -> None:
        latest = max(one.version for one in self._versions(item.code))
        if latest != item.version:
            raise BrokenError("an item that has changed was granted")
        if body.get("digest") != approval.digest:
            raise BrokenError("somebody has granted something else than they have seen")

    def _by_link(self, id_: str, token: str) -> Answer:
        body = form(token=token, decision="approve")
        answer = self.api.send(None, "POST", f"/approvals/{id_}/decide", body)
        if answer.status == 200 and not any(token == link[2] for link in self.links):
            raise BrokenError("a link that nobody has made has decided")
        return answer

    def use_link(self) -> None:
        """Whom a link was sent to decides by it."""
        if self.links:
            id_, _, token, _ = self.chance.choice(self.links)
            self._by_link(id_, token)

    def _process(self, approval: Approval) -> None:
        flow = ApprovalFlow(approval.key)
        statuses = (Status.GRANTED, Status.REJECTED, Status.STALE)
        if approval.is_decided and not approval.stage.is_closed:
            try:
                flow.run(approval_programs.handle(approval.attempt, *statuses))
            except SupersededError as error:
                raise BrokenError("nobody else is at work") from error
            except IdempotencyMismatchError as error:
                raise BrokenError("a client keeps an effect from being made") from error

    def _publish(self, who: Person, body: dict[str, Any]) -> None:
        key = self.chance.choice([None, None, "reused"])
        sent = {**body, "type": "ORDER", "code": self.chance.choice(CODES)}
        if self.chance.random() < 0.5:
            sent["mode"] = "sync"
        self.api.send(who, "POST", "/commands", sent, key=key)

    def _number(self) -> int:
        return self.chance.randint(1, 9)

    def _put(self, key: str, text: str) -> None:
        self.api.world.import_bucket.put(key, text.encode())

    def _kept(self, answer: Answer) -> None:
        if any(secret in answer.text for secret in SECRETS):
            raise BrokenError("mallory has read what is not hers")


ACTIONS: list[Callable[[Adversary], None]] = [
    Adversary.look,
    Adversary.look,
    Adversary.decide,
    Adversary.decide,
    Adversary.link,
    Adversary.use_link,
    Adversary.agree,
    Adversary.agree,
    Adversary.process,
    Adversary.process,
    Adversary.time,
    Adversary.ask,
    Adversary.ask,
    Adversary.edit,
    Adversary.forge,
    Adversary.overwrite,
    Adversary.delete,
    Adversary.steal,
    Adversary.rows,
    Adversary.use_up,
    Adversary.use_up,
    Adversary.vote,
    Adversary.replay,
    Adversary.cross,
    Adversary.listen,
    Adversary.pry,
    Adversary.take_all,
]
