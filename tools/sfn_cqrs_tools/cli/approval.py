"""approval, approve, reject: decisions that wait for people."""

from __future__ import annotations

import json
import sys
from functools import partial
from typing import Any, Final, ParamSpec, TypeVar

import click

from sfn_cqrs.machines.approval.rules import Status
from sfn_cqrs_tools.cli.arguments import read_json
from sfn_cqrs_tools.cli.options import api_options, limit_option
from sfn_cqrs_tools.client.api import Api, given, idempotent, work_path
from sfn_cqrs_tools.client.ids import Id
from sfn_cqrs_tools.terminal.causes import code_of, reason_of
from sfn_cqrs_tools.terminal.printing import print_answer, print_fields, print_list, print_table
from sfn_local.cli.command import Group, command, print_shown
from sfn_local.cli.showing import echo

P = ParamSpec("P")
T = TypeVar("T")
UNDECIDED: Final = (Status.OPEN, Status.STALE)
"""Whose item may have changed before somebody has decided: its own action changes it later."""
EXAMPLE: Final = "a-01KAXK3V9Q0M3W8C5R6T7Y8Z9B"
_FIELDS: Final = (
    ("type", "type"),
    ("subject", "subject"),
    ("digest", "digest"),
    ("note", "note"),
    ("status", "status"),
    ("stage", "stage"),
    ("requestedBy", "requested by"),
    ("requestedAt", "requested"),
    ("expiresAt", "expires"),
    ("remindAt", "next reminder"),
    ("reminders", "reminders"),
    ("needed", "approvals needed"),
    ("group", "of the group"),
    ("error", "error"),
)

_path: Final = partial(work_path, "approvals")
id_argument = click.argument("id_", metavar="ID", type=Id("approval"))


@click.group(cls=Group)
def approval() -> None:
    """Request and show approvals, and retry an action that failed after a decision."""


@approval.command(
    examples=(
        "sfn-cqrs approval request ORDER_RELEASE --subject o-1 --note 'A new customer'",
        """sfn-cqrs approval request ORDER_RELEASE --subject o-1 --payload '{"total": 1200}'""",
    ),
)
@click.argument("type_", metavar="TYPE")
@click.option("--subject", help="The item or matter to approve, in one line.")
@click.option("--payload", metavar="JSON", help="Input for the type's function; @FILE reads it.")
@click.option("--note", help="A note for the approvers.")
@click.option(
    "--idempotency-key", metavar="KEY", help="With the same key and content it is requested once."
)
@api_options
def request(
    type_: str,
    subject: str | None,
    payload: str | None,
    note: str | None,
    idempotency_key: str | None,
    api: Api,
    as_json: bool,
) -> None:
    """Request an approval, and print its id."""
    body = given({"type": type_, "subject": subject, "note": note})
    if payload is not None:
        body["payload"] = read_json(payload, "--payload")
    answer = api.post("/approvals", json.dumps(body), idempotent(idempotency_key))
    print_answer(answer, answer["id"], as_json=as_json)


@approval.command(
    name="list",
    examples=("sfn-cqrs approval list", "sfn-cqrs approval list --status all"),
)
@click.option(
    "--status",
    type=click.Choice([*Status, "ALL"], case_sensitive=False),
    help="All approvals with this status, not only yours.  [default: what waits for you]",
)
@limit_option
@api_options
def list_(status: str | None, limit: int, api: Api, as_json: bool) -> None:
    """List the approvals that wait for you, or all with a status, newest first."""
    found = api.first(limit, "/approvals", status=status)
    fields = ("id", "type", "subject", "status", "stage", "requestedBy", "expiresAt")
    none = "no such approvals" if status else "nothing waits for you; --status ALL lists the others"
    spare = ("stage", "requestedBy", "expiresAt")
    print_list(found, fields, as_json=as_json, spare=spare, none=none)


@approval.command(examples=(f"sfn-cqrs approval show {EXAMPLE}",))
@id_argument
@api_options
def show(id_: str, api: Api, as_json: bool) -> None:
    """Show an approval, and who decided what, when and why."""
    print_shown(api.get(_path(id_)), _print, as_json=as_json)


@approval.command(examples=(f"sfn-cqrs approval retry {EXAMPLE}",))
@id_argument
@api_options
def retry(id_: str, api: Api, as_json: bool) -> None:
    """Retry the action that failed after a decision; the decision stays."""
    answer = api.post(_path(id_, "retry"))
    print_answer(answer, f"{id_} runs again, attempt {answer['attempt']}", as_json=as_json)


def _decision(verb: str, done: str) -> click.Command:
    """Return the command approve or reject, which differ in a word."""

    @command(name=verb, examples=(f"sfn-cqrs {verb} {EXAMPLE} --reason 'As agreed'",))
    @id_argument
    @click.option("--reason", help="The reason; it is stored with the decision.")
    @click.option(
        "--digest",
        metavar="TEXT",
        help="The digest of the content that you saw.  [default: of what is shown now]",
    )
    @api_options
    def decide(id_: str, reason: str | None, digest: str | None, api: Api, as_json: bool) -> None:
        if digest is None:
            seen = api.get(_path(id_))
            digest = seen["digest"]
            if sys.stdout.isatty() and not as_json:
                _print_summary(seen)
        body = given({"digest": digest, "reason": reason})
        answer = api.post(_path(id_, verb), json.dumps(body))
        said = len(answer["decisions"])
        more = f": {said} of {answer['needed']}" if answer["status"] == "OPEN" else ""
        print_answer(answer, f"{id_} is {answer['status']}{more}", as_json=as_json)

    decide.help = f"{done} an approval. You cannot decide on one that you requested."
    return decide


approve = _decision("approve", "Approve")
reject = _decision("reject", "Reject")


def _print(found: dict[str, Any]) -> None:
    fields = {title: found.get(name) for name, title in _FIELDS}
    named = {"approvers": ", ".join(found["approvers"]), "payload": _text(found["payload"])}
    named["cause"] = reason_of(found.get("cause"))
    print_fields({title: value for title, value in {**fields, **named}.items() if value})
    for line in code_of(found.get("cause")):
        echo(line)
    if found["stage"] == "FAILED":
        echo(f"once it is repaired: sfn-cqrs approval retry {found['id']}")
    _print_summary(found)
    if found["decisions"]:
        rows = [
            (one["by"], one["decision"], one["at"], one["reason"]) for one in found["decisions"]
        ]
        echo()
        print_table(("who", "said", "when", "why"), rows)


def _print_summary(found: dict[str, Any]) -> None:
    """Print the content under decision, as it is stored."""
    if "item" not in found:
        return
    item = found["item"]
    echo(f"\n{found['type']} of {item['type']} {item['code']}, version {item['version']}:")
    print_table(
        ("name", "value"), [(one["name"], one["value"]) for one in found.get("summary", [])]
    )
    if found["status"] in UNDECIDED and not found.get("isCurrent", True):
        echo("the item has changed since; it cannot be granted any more")


def _text(payload: Any) -> str:
    return "" if payload is None else json.dumps(payload, ensure_ascii=False)
