"""No guarded effect without its decision, whatever a client tries; and each check taken away."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from tests.simulation.adversary import Adversary, BrokenError
from tests.support.proof import deep, sampled

from sfn_cqrs.api.write_budget import WriteBudget
from sfn_cqrs.care.live import service as live
from sfn_cqrs.care.live.channels import Subject
from sfn_cqrs.kernel import caller, policy
from sfn_cqrs.kernel import request as requests
from sfn_cqrs.kernel.caller import Identity
from sfn_cqrs.kernel.command import Known
from sfn_cqrs.kernel.http import http
from sfn_cqrs.kernel.http.http import current_event, identity_of
from sfn_cqrs.kernel.http.request import Request
from sfn_cqrs.kernel.policy import Policy
from sfn_cqrs.machines.approval import effects
from sfn_cqrs.machines.approval import link as approval_link
from sfn_cqrs.machines.approval import runner as programs
from sfn_cqrs.machines.approval import types as approval_types
from sfn_cqrs.machines.approval.link import ApprovalLink
from sfn_cqrs.machines.approval.programs import FindLatest
from sfn_cqrs.machines.approval.rules import Approval, Rules
from sfn_cqrs.machines.approval.runner import ApprovalFlow
from sfn_cqrs.machines.command import change as commands
from sfn_cqrs.machines.command import handlers
from sfn_cqrs.machines.import_csv import files, planning, strategies
from sfn_cqrs.machines.import_csv import reserving as budget
from sfn_cqrs.machines.import_csv import service as import_service
from sfn_cqrs.machines.saga.types import SagaType
from sfn_cqrs.machines.task.types import TaskType
from sfn_cqrs.machines.zip_orchestrator import service as zip_service

SEEDS, ENDS = deep(150, 300), 20
MOST = 150
"""Seeds within which a check that is missing has to be noticed."""


@pytest.mark.proof
@pytest.mark.parametrize("seed", range(ENDS, SEEDS))
def test_no_guarded_effect_without_its_decision(seed: int) -> None:
    with Adversary(seed) as adversary:
        adversary.run()


def test_the_first_seeds_see_every_end_and_no_guarded_effect_without_its_decision() -> None:
    ends: Counter[str] = Counter()
    for seed in range(ENDS):
        with Adversary(seed) as adversary:
            adversary.run()
            ends.update(f"{one.status} {one.stage}" for one in adversary.approvals)

    assert {"GRANTED DONE", "REJECTED DONE", "STALE DONE", "OPEN CREATED"} <= set(ends)


def anything(*_: Any, **__: Any) -> None:
    """A check that refuses nothing."""


def by_splitting(claims: dict[str, Any]) -> frozenset[str]:
    claim = str(claims.get("cognito:groups") or "")
    return frozenset(claim.strip("[]").replace(",", " ").split())


def by_stripping(claims: dict[str, Any]) -> frozenset[str]:
    return frozenset(str(claims.get("cognito:groups") or "").strip("[]").split(" "))


def whichever_header(event: dict[str, Any], right: Any = identity_of) -> Identity:
    identity: Identity = right(event)
    return replace(identity, tenant=event["headers"].get("x-tenant-code", identity.tenant))


def unpinned(decided: Any, *, attributes: Any, right: Any = effects.publish_decided) -> int:
    item = replace(decided.item, version=Known.LATEST)
    version: int = right(replace(decided, item=item), attributes=attributes)
    return version


def never_changed(self: ApprovalFlow, call: Any, right: Any = ApprovalFlow._make) -> Any:
    return call.item.version if isinstance(call, FindLatest) else right(self, call)


def whole_is_bare(
    type_: str,
    content: Any,
    before: Any,
    guarded: Any,
    *,
    is_whole: bool,
    right: Any = policy.guarded_content,
) -> Any:
    found = right(type_, content, before, guarded, is_whole=is_whole)
    return content if is_whole and content != found else found


def code_in_place_of_clients(self: Request, right: Any = Request.caller) -> Any:
    return replace(right.fget(self), client=None)


def of_any_tenant(path: str, right: Any = live.subject_of) -> Any:
    return replace(right(path), tenant="tenant1")


def of_any_width(path: str) -> Subject:
    return Subject(path.split("/")[2], "command", "ORDER", "*")


def once_a_request(self: WriteBudget, tenant: str, right: Any = WriteBudget.spend) -> None:
    if "spent" not in current_event():
        current_event()["spent"] = right(self, tenant)


def unguarded(_: Any, content: Any, *__: Any, **___: Any) -> Any:
    return content


def any_file(_below: str, *asked: Any, right: Any = files.found) -> Any:
    return right("uploads/", *asked)


MUTANTS: dict[str, tuple[Any, str, Any]] = {
    "every policy allows everybody": (Policy, "allows", lambda *_: True),
    "who may publish is not looked at": (handlers, "check_publish", anything),
    "who may read is not looked at": (handlers, "check_read", anything),
    "who may import is not looked at": (strategies, "check_publish", anything),
    "who may start a task is not looked at": (TaskType, "check_publish", anything),
    "who may start a saga is not looked at": (SagaType, "check_publish", anything),
    "guarded attributes are anybody's": (commands, "guarded_content", unguarded),
    "guarded attributes are anybody's in a file": (planning, "guarded_content", unguarded),
    "what a whole content leaves out is removed": (commands, "guarded_content", whole_is_bare),
    "all values of a guarded attribute are one": (policy, "_value", lambda *_: ""),
    "clients and code share their keys": (requests, "CLIENTS", requests.CODES),
    "groups are split at commas and blanks": (caller, "_groups", by_splitting),
    "groups lose whatever brackets they have": (caller, "_groups", by_stripping),
    "a header names the tenant": (http, "identity_of", whichever_header),
    "a route forgets who asks": (Request, "caller", property(code_in_place_of_clients)),
    "a route reads as code": (Request, "service", lambda self, kind: kind(self.tenant)),
    "whoever asks may decide": (Approval, "_is_own", lambda *_: False),
    "everybody is an approver": (Rules, "may_decide", lambda *_: True),
    "nobody asks what was seen": (Approval, "check_seen", anything),
    "a change before the grant goes unnoticed": (ApprovalFlow, "_make", never_changed),
    "an effect is on the latest version": (effects, "publish_decided", unpinned),
    "an effect that was refused is done": (programs, "_handle", None),
    "a signature is not compared": (approval_link.hmac, "compare_digest", lambda *_: True),
    "a link is for ever": (ApprovalLink, "read", None),
    "a file of another tenant is imported": (files, "found", any_file),
    "who may see an approval is not looked at": (approval_types, "check_read", anything),
    "an approval concerns everybody": (approval_types, "_concerns", lambda *_: True),
    "whose a channel is is not looked at": (live, "subject_of", of_any_tenant),
    "a channel is as wide as somebody likes": (live, "subject_of", of_any_width),
    "who may hear a type is not looked at": (handlers, "check_read", anything),
    "who may hear of approvals is not looked at": (live, "require", anything),
    "a request is one write, whatever is in it": (WriteBudget, "spend", once_a_request),
    "nobody looks for a place for an import": (import_service, "take_place", anything),
    "nobody looks for a place for an archive": (zip_service, "take_place", anything),
    "whatever is open has ended": (budget, "_has_ended", lambda *_: True),
    "the machine imports whatever it is asked": (strategies, "check_step_function", anything),
}


def weakened(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    owner, attribute, weaker = MUTANTS[name]
    if name == "an effect that was refused is done":
        right: Callable[[Approval], bool] = programs._handle
        weaker = lambda approval: right(approval) or True  # noqa: E731
    if name == "a link is for ever":
        read = ApprovalLink.read
        weaker = lambda text, id_, secret, _now: read(text, id_, secret, 0)  # noqa: E731
    if name == "an effect is on the latest version":
        import shop.releases  # noqa: PLC0415 - it is there once the user's package is loaded

        monkeypatch.setattr(shop.releases, "publish_decided", weaker)
        return
    monkeypatch.setattr(owner, attribute, weaker)


@pytest.mark.parametrize("name", sampled(list(MUTANTS), 3))
def test_the_adversary_finds_what_is_missing_when(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Adversary(0):  # the user's package is loaded
        weakened(name, monkeypatch)

    found = None
    for seed in range(MOST):
        try:
            with Adversary(seed) as adversary:
                adversary.run()
        except BrokenError as broken:
            found = broken
            break

    assert found is not None
