"""Approvals from the outside: request, read, decide, retry."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from sfn_cqrs import bootstrap
from sfn_cqrs.kernel.caller import Caller
from sfn_cqrs.kernel.clock import iso, new_ulid
from sfn_cqrs.kernel.command import Command
from sfn_cqrs.kernel.errors import NotFoundError
from sfn_cqrs.kernel.functions.requests import create_once, made_by, seen_id
from sfn_cqrs.kernel.keys import ApprovalKey, ItemKey, checked_tenant
from sfn_cqrs.kernel.models import models
from sfn_cqrs.kernel.notices import depth_here
from sfn_cqrs.kernel.policy import Client, permits
from sfn_cqrs.kernel.tables.paging import DEFAULT_LIMIT, Page
from sfn_cqrs.kernel.values import Json, digest
from sfn_cqrs.machines.approval import programs as approval_programs
from sfn_cqrs.machines.approval import types as approval_types
from sfn_cqrs.machines.approval.link import ApprovalLink
from sfn_cqrs.machines.approval.rules import (
    MAX_SUBJECT_CHARACTERS,
    REMEMBERED,
    Approval,
    Pinned,
    Status,
    Verdict,
    checked_payload,
    checked_text,
    next_reminder,
)
from sfn_cqrs.machines.approval.runner import ApprovalFlow
from sfn_cqrs.machines.approval.types import ApprovalType
from sfn_cqrs.machines.command import handlers
from sfn_cqrs.machines.command.projection import is_replayed


class ApprovalService:
    """The approvals of a tenant, named by their public ids, `a-…`.

    A function that `approval_type` registers does the approved work in the background.
    """

    def __init__(self, tenant: str, client: Client | None = None, user: str = "") -> None:
        """Work for one tenant, and for a user of the HTTP API, or for code.

        Each type declares what a client may see.

        Raises:
            InvalidInputError: no key can hold this tenant.
        """
        self._tenant = checked_tenant(tenant)
        self._client = client
        self._user = user

    def request(
        self,
        type_: str,
        *,
        subject: str = "",
        payload: Json = None,
        note: str = "",
        caller: Caller | None = None,
    ) -> str:
        """Request an approval and return its id.

        `subject` names the item or matter in one line, `payload` is input for the type's function,
        and `note` is for the people who decide. If the type is about an item, the subject is the
        item's code, and people decide on its latest version.

        Raises:
            UnknownApprovalTypeError: no function is registered for the type.
            InvalidInputError: another value cannot be stored.
            NotPermittedError: the caller is a client that may not read the item.
            NotFoundError: the item does not exist, or is deleted.
            IdempotencyMismatchError: the caller's idempotency key was used for something else.
        """
        caller = caller or Caller()
        key, known = caller.request_key, approval_types.find(type_)
        subject = checked_text(subject, "subject", MAX_SUBJECT_CHARACTERS)
        payload, note = checked_payload(payload), checked_text(note, "note")
        asked = digest(["approval", known.name, subject, payload, note])
        seen = seen_id(self._tenant, key, asked)
        if seen is not None:
            return seen
        models.check_all(known.model, {"payload": payload})
        item = self._pinned(known.of, subject, caller.client) if known.of else None
        approval = self._new(known, subject, item, payload, note, caller)
        return create_once(bootstrap.approvals(), approval, key, asked)

    def request_for(self, type_: str, command: Command[Any]) -> str | None:
        """Request that people decide on a version, once; None if nobody has to any more.

        A late retry of an earlier version requests nothing, and nor does a rebuild.

        Raises:
            UnknownApprovalTypeError: no function is registered for the type.
        """
        known, code, version = approval_types.find(type_), command.key.code, command.version
        if is_replayed() or bootstrap.commands().latest_version(command.key) != version:
            return None
        key, asked = f"{type_}@{command.id}", digest(["approval", type_, code, version])
        seen = seen_id(self._tenant, key, asked)
        if seen is not None:
            return seen
        item = Pinned(command.key.type, code, version)
        caller = Caller(user=command.updated.by, source=command.id)
        approval = self._new(known, code, item, None, "", caller)
        lasts = int(REMEMBERED.total_seconds())
        return create_once(bootstrap.approvals(), approval, key, asked, lasts)

    def get(self, id_: str) -> Approval:
        """Return the current state of an approval.

        Raises:
            NotFoundError, NotPermittedError: there is none, or the client may not see it.
        """
        approval = bootstrap.approvals().find(ApprovalKey.of(self._tenant, id_))
        if approval is None:
            raise NotFoundError(f"approval {id_} does not exist")
        approval_types.check_read(approval, self._user, self._client)
        return approval

    def list(
        self,
        status: Status | None = None,
        *,
        limit: int = DEFAULT_LIMIT,
        cursor: str | None = None,
    ) -> Page[Approval]:
        """Return a page of the tenant's approvals, the newest first; limit 1 to 100.

        The page leaves out approvals that the client may not see, so it may be short.
        """
        approvals = bootstrap.approvals()
        if status is None:
            page = approvals.page(ApprovalKey(self._tenant, ""), limit, cursor)
        else:
            page = approvals.page_of_status(self._tenant, status, limit, cursor)
        who = self._user, self._client
        seen = [one for one in page.items if permits(approval_types.check_read, one, *who)]
        return Page(seen, page.next_cursor)

    def inbox(
        self,
        user: str,
        groups: Collection[str] = (),
        *,
        limit: int = DEFAULT_LIMIT,
        cursor: str | None = None,
    ) -> Page[Approval]:
        """Return a page of the approvals that one person may decide now.

        Those of an item that has a later version by now are left out: a decision would find them
        stale. The page may be short; the cursor shows whether it is the last one.
        """
        page = self.list(Status.OPEN, limit=limit, cursor=cursor)
        now = iso(bootstrap.now())
        mine = [one for one in page.items if one.awaits(user, groups, now)]
        return Page(_of_today(self._tenant, mine), page.next_cursor)

    def approve(
        self,
        id_: str,
        user: str,
        groups: Collection[str] = (),
        *,
        reason: str = "",
        ip: str = "",
        digest: str | None = None,
    ) -> Approval:
        """Approve for one person, and return the new state of the approval.

        `digest` is the digest of the approval that this person has seen. It is required where the
        approval is about an item.

        Raises:
            NotFoundError: there is no such approval.
            NotAnApproverError, FourEyesError: this person may not decide on it.
            ExpiredError, AlreadyDecidedError: it is decided, or this person has decided
                differently.
            StaleError: the approval differs from the content that was seen; a changed item is not
                granted any more.
        """
        return self._decide(id_, user, groups, Verdict.APPROVE, reason, ip, digest)

    def reject(
        self,
        id_: str,
        user: str,
        groups: Collection[str] = (),
        *,
        reason: str = "",
        ip: str = "",
        digest: str | None = None,
    ) -> Approval:
        """Reject for one person, and return the new state of the approval.

        One rejection is enough.

        Raises:
            NotFoundError: there is no such approval.
            NotAnApproverError, FourEyesError: this person may not decide on it.
            ExpiredError, AlreadyDecidedError: it is decided, or this person has decided
                differently.
        """
        return self._decide(id_, user, groups, Verdict.REJECT, reason, ip, digest)

    def link(
        self,
        id_: str,
        user: str,
        groups: Collection[str] = (),
        *,
        base_url: str,
        valid_for: timedelta = timedelta(days=2),
    ) -> str:
        """Return a link with which one person may decide, once; send it to nobody else.

        `base_url` is the address of the API, such as https://api.example.com. The link expires with
        the approval at the latest.

        Raises:
            LinksDisabledError: the parameter ApprovalLinks is not enabled.
            NotFoundError: there is no such approval.
            NotAnApproverError, FourEyesError: this person may not decide on it.
            ExpiredError, AlreadyDecidedError: it is decided, or this person has approved it before.
        """
        approval, now = self.get(id_), bootstrap.now()
        approval.check_approver(user, groups)
        approval.check_open(user, iso(now))
        ends = datetime.fromisoformat(approval.expires_at)
        expires = int(min(now + valid_for, ends).timestamp())
        is_named = user in approval.rules.approvers
        group = "" if is_named else approval.rules.group
        link = ApprovalLink(approval.key, user, group, expires, approval.digest)
        token = link.signed(bootstrap.link_secret().read())
        return f"{base_url.rstrip('/')}/approvals/{id_}/decide?token={token}"

    def retry(self, id_: str) -> Approval:
        """Run a failed approval again, as the next attempt; its decision stays.

        Raises:
            NotFoundError: there is no such approval.
            NotFailedError: it has not failed.
        """
        return ApprovalFlow(ApprovalKey.of(self._tenant, id_)).run(
            approval_programs.retry(depth_here())
        )

    def _decide(
        self,
        id_: str,
        user: str,
        groups: Collection[str],
        verdict: Verdict,
        reason: object,
        ip: str,
        seen: str | None,
    ) -> Approval:
        key = ApprovalKey.of(self._tenant, id_)
        said = checked_text(reason, "reason")
        now = iso(bootstrap.now())
        program = approval_programs.decide(user, groups, verdict, now, said, ip, seen)
        return ApprovalFlow(key).run(program)

    def _new(
        self,
        known: ApprovalType,
        subject: str,
        item: Pinned | None,
        payload: Json,
        note: str,
        caller: Caller,
    ) -> Approval:
        now = bootstrap.now()
        at, rules = iso(now), known.rules
        expires_at = iso(now + timedelta(seconds=rules.expires_after))
        key = ApprovalKey(self._tenant, new_ulid(now))
        approval = Approval(
            key=key,
            type=known.name,
            subject=subject,
            payload=payload,
            item=item,
            note=note,
            rules=rules,
            expires_at=expires_at,
            remind_at=next_reminder(rules, now, expires_at),
            due_at=at,
            **made_by(caller, at),
        )
        return replace(approval, digest=approval.fingerprint)

    def _pinned(self, type_: str, code: str, client: Client | None) -> Pinned:
        """Return the item that is to be decided on, as it is now."""
        key = handlers.readable(self._tenant, type_, code, client)
        latest = bootstrap.commands().latest(key)
        if latest is None or latest.is_deleted or not handlers.sees(client, latest):
            raise NotFoundError(f"{type_} {code} does not exist; the subject is the item's code")
        return Pinned(type_, code, latest.version)


def _of_today(tenant: str, approvals: Sequence[Approval]) -> list[Approval]:
    """Return those whose item has no later version than the one that is decided on."""
    keys = {
        one.key.id: ItemKey(tenant, one.item.type, one.item.code)
        for one in approvals
        if one.item is not None
    }
    applied = bootstrap.data().versions_of(set(keys.values())) if keys else {}
    return [
        one
        for one in approvals
        if one.item is None or applied.get(keys[one.key.id], 0) <= one.item.version
    ]


def read_link(id_: str, token: str) -> ApprovalLink:
    """Return the approval link that a token opens; it names its tenant.

    Raises:
        LinksDisabledError: links are off.
        InvalidLinkError, ExpiredError: this stack did not sign it, or it has expired.
    """
    secret, now = bootstrap.link_secret().read(), bootstrap.now().timestamp()
    return ApprovalLink.read(token, id_, secret, now)
