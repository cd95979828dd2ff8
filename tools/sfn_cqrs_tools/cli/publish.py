"""publish: a version of an item, by the HTTP API."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TextIO

import click
from click.exceptions import Exit

from sfn_cqrs_tools.cli.arguments import parsed, read_text
from sfn_cqrs_tools.cli.batch import publish_file
from sfn_cqrs_tools.cli.options import api_options
from sfn_cqrs_tools.cli.plan import planned
from sfn_cqrs_tools.client.api import (
    WAIT_SECONDS,
    Api,
    ApiProblem,
    given,
    idempotent,
    item_path,
)
from sfn_cqrs_tools.client.pauses import awaited, going_on
from sfn_cqrs_tools.terminal.printing import print_answer
from sfn_cqrs_tools.terminal.progress import waits_for
from sfn_local.cli.command import command, print_json, typed_with
from sfn_local.cli.showing import echo


@command(
    examples=(
        'sfn-cqrs publish ORDER o-1 --name first --attributes \'{"customer":"c1","total":5}\'',
        "sfn-cqrs publish ORDER o-1 --version 1 --partial --attributes '{\"total\":7}'",
        "sfn-cqrs publish ORDER o-2 --name second --attributes @order.json --sync",
        "sfn-cqrs publish ORDER o-1 --version 2 --partial --attributes '{\"total\":8}' --wait",
        "sfn-cqrs publish ORDER o-1 --delete",
        "sfn-cqrs publish ORDER o-1 --partial --attributes '{\"total\":9}' --after P3D",
        "sfn-cqrs publish --batch orders.jsonl",
        "sfn-cqrs publish --together invoice.jsonl",
    ),
)
@click.argument("type_", metavar="[TYPE", required=False)
@click.argument("code", metavar="CODE]", required=False)
@click.option("--name", help="Name of the item.")
@click.option("--attributes", metavar="JSON|@FILE", help="A JSON object; @- reads it from stdin.")
@click.option("--version", type=int, help="The version that you have read; -1 is the latest.")
@click.option(
    "--sync", is_flag=True, help="Apply at once; refused while an earlier version is open."
)
@click.option("--partial", is_flag=True, help="Merge into the latest version.")
@click.option("--delete", is_flag=True, help="Publish the deletion of the item.")
@click.option(
    "--wait", is_flag=True, help="Wait until the version has closed; exit 1 if it failed."
)
@click.option("--at", metavar="MOMENT", help="Plan it for then, as 2026-12-24T18:00:00+01:00.")
@click.option("--after", metavar="DURATION", help="Plan it for so long from now, as P3D or PT90M.")
@click.option("--replace", metavar="NAME", help="Replace what is planned under this name.")
@click.option(
    "--idempotency-key", metavar="KEY", help="With the same key and content it is published once."
)
@click.option(
    "--batch",
    type=click.File(encoding="utf-8"),
    metavar="FILE",
    help="Commands as JSON, one per line, in the form of POST /commands; - is standard input.",
)
@click.option(
    "--together",
    type=click.File(encoding="utf-8"),
    metavar="FILE",
    help="Versions of different items, all or none: JSON, one per line, 25 at most.",
)
@api_options
def publish(
    type_: str | None,
    code: str | None,
    name: str | None,
    attributes: str | None,
    version: int | None,
    sync: bool,
    partial: bool,
    delete: bool,
    wait: bool,
    at: str | None,
    after: str | None,
    replace: str | None,
    idempotency_key: str | None,
    batch: TextIO | None,
    together: TextIO | None,
    api: Api,
    as_json: bool,
) -> None:
    """Publish a version of an item, or its deletion; or many commands of a file.

    Without --version the item must be new. With it, the next version is published if the named
    version is still the latest. --batch sends a hundred commands at a time, prints the result of
    each, and exits 2 if some were refused. --together publishes all versions of a file in one
    decision, or none of them, and names the one that is refused.
    """
    moment = {"at": at, "after": after, "replace": replace}
    alone = (type_, code, name, attributes, version, sync, partial, delete, wait)
    if batch or together:
        _check_alone((*alone, *moment.values(), batch and (together or idempotency_key)))
        raise Exit(publish_file(api, batch, together, idempotency_key, as_json=as_json))
    if type_ is None or code is None:
        raise click.UsageError("name TYPE and CODE, or give --batch FILE")
    if delete:
        if name or attributes or sync or partial or idempotency_key or any(moment.values()):
            raise click.UsageError("--delete goes with --version only")
        with _telling_conflicts(type_, code):
            answer = api.delete(item_path("commands", type_, code), version=version)
    else:
        _check_content(name, attributes, is_partial=partial)
        fields: dict[str, Any] = {"type": type_, "code": code, "name": name, "version": version}
        _check_moment(moment, is_now=sync or wait)
        fields |= {"mode": "sync" if sync else "async", "partial": partial, **moment}
        with _telling_conflicts(type_, code):
            answer = api.post("/commands", _body(fields, attributes), idempotent(idempotency_key))
    if "plan" in answer:
        print_answer(answer, planned(answer), as_json=as_json)
        return
    if wait:
        answer |= _closed(api, type_, code, answer["version"], as_json=as_json)
    _print(type_, code, answer, as_json=as_json, is_sync=sync)
    if wait and answer["outcome"] != "APPLIED":
        command = f"sfn-cqrs chain show {type_} {shlex.quote(code)}"
        raise click.ClickException(
            f"version {answer['version']} is {answer['outcome']}: "
            f"{answer.get('error', 'see its chain')}\nto see why: {command}"
        )


def _check_alone(others: Iterable[object]) -> None:
    if any(one not in (None, False) for one in others):
        raise click.UsageError("--batch and --together go alone: the commands say what they are")


def _check_moment(moment: Mapping[str, str | None], *, is_now: bool) -> None:
    if is_now and any(moment.values()):
        raise click.UsageError("--at and --after publish later, so not --sync and not --wait")
    if moment["replace"] and not (moment["at"] or moment["after"]):
        raise click.UsageError("--replace names a plan: give --at or --after, too")


def _check_content(name: str | None, attributes: str | None, *, is_partial: bool) -> None:
    if not is_partial and (name is None or attributes is None):
        raise click.UsageError("give --name and --attributes, or --partial, or --delete")


def _print(type_: str, code: str, answer: dict[str, Any], *, as_json: bool, is_sync: bool) -> None:
    if as_json:
        print_json(answer)
    elif answer.get("unchanged"):
        echo(f"{type_} {code} is unchanged")
    else:
        done = answer.get("outcome", "applied" if is_sync else "accepted").lower()
        echo(f"{type_} {code} version {answer['version']} is {done}")


def _closed(api: Api, type_: str, code: str, version: int, *, as_json: bool) -> dict[str, Any]:
    """Wait for a version; return its outcome, and its error if it has one."""
    path = item_path("commands", type_, code, version)
    what = f"{type_} {code} version {version}"
    watching = going_on(what, f"sfn-cqrs chain show {type_} {code}")
    with watching, waits_for(what, is_shown=not as_json):
        found = awaited(lambda: api.get(path, wait=WAIT_SECONDS), is_closed)
    return {name: found[name] for name in ("outcome", "error", "cause") if name in found}


def is_closed(version: dict[str, Any]) -> bool:
    """Return whether no attempt of a version is under way."""
    return version["outcome"] not in ("OPEN", "WAITING")


@contextmanager
def _telling_conflicts(type_: str, code: str) -> Iterator[None]:
    """Name the command that would work on the present version."""
    try:
        yield
    except ApiProblem as problem:
        current = problem.document.get("currentVersion")
        if current is not None:
            raise problem.hinted(
                f"to build on it: {typed_with('--version', current)}\n"
                f"to see it: sfn-cqrs data get {type_} {shlex.quote(code)}"
            ) from problem
        raise


def _body(fields: dict[str, Any], attributes: str | None) -> str:
    """Return the body with the attributes' own text, so that numbers keep their digits."""
    body = json.dumps(given(fields))
    if attributes is None:
        return body
    text = read_text(attributes, "--attributes")
    if not isinstance(parsed(text, "--attributes"), dict):
        raise click.UsageError("--attributes must be a JSON object")
    return f'{body[:-1]}, "attributes": {text}}}'
