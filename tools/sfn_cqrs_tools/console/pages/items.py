"""Items: the chain of one, what changed from version to version, and the repair of what failed."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from http import HTTPStatus
from itertools import islice
from typing import Any, Final

from sfn_cqrs.kernel.http.http import code_of
from sfn_cqrs.kernel.keys import CommandRef, ItemKey
from sfn_cqrs_tools.client.api import Api, item_path
from sfn_cqrs_tools.console.application import (
    Ask,
    File,
    GoTo,
    Refused,
    View,
    execution_page,
    json_of,
)
from sfn_cqrs_tools.console.differences import differences, if_there
from sfn_cqrs_tools.console.executions import Filter
from sfn_cqrs_tools.console.lists import Shape, api_list, natural
from sfn_cqrs_tools.console.moments import moment_of
from sfn_cqrs_tools.console.names import names
from sfn_cqrs_tools.console.rendering import query
from sfn_cqrs_tools.console.schema_form import Input, SchemaForm
from sfn_cqrs_tools.console.standing import Standing, of_items, seen
from sfn_cqrs_tools.console.subjects import item_page

VERSIONS: Final = 50
HISTORY: Final = 100
RECENT: Final = 60
MACHINES: Final = ("command", "command-express")
MOST_PARTITIONS: Final = 10
AT_ONCE: Final = 8
WORDS: Final = {"retry": "Retry", "skip": "Skip"}
"""The console's labels for the API's actions."""
REPAIRABLE: Final = ("FAILED", "BLOCKED")
ITEMS: Final = Shape[dict[str, Any]](
    sorts={
        "code": lambda one: natural(one["code"]),
        "name": lambda one: one["name"],
        "version": lambda one: one["version"],
        "by": lambda one: one["updatedBy"],
        "changed": lambda one: one["updatedAt"],
    },
    texts=lambda one: (one["code"], one["name"], json.dumps(one["attributes"], ensure_ascii=False)),
    fixed=("type",),
)


@dataclass(frozen=True)
class Recent:
    """An item that an execution was about lately."""

    type: str
    code: str
    version: int
    label: str
    path: str
    standing: Standing
    at: datetime


def listed(ask: Ask) -> View | File:
    """List the items of a type, or those that were changed lately."""
    type_ = ask.query.get("type", "").strip()
    recent = [] if type_ else list(_recent(ask))
    known = {*names(ask, "items"), *(one.type for one in recent), *([type_] if type_ else [])}
    values: dict[str, Any] = {"types": sorted(known), "type": type_, "recent": recent}
    if not type_:
        return View("items.html", {"found": None, **values}, is_live=True)
    text = ask.query.get("q", "").strip()
    exact = text and if_there(ask.api, item_path("data", type_, text), deleted="true")
    values |= {"exact": item_page(type_, text) if exact else "", "item_page": item_page}
    return api_list(
        ask, "items.html", ITEMS, "/data", {"type": type_}, about=partial(of_items, ask), **values
    )


def item(ask: Ask) -> View:
    """Show one item."""
    type_, code = _key(ask)
    versions = list(islice(ask.api.pages(item_path("commands", type_, code)), VERSIONS))
    if not versions:
        raise LookupError(f"there is no {type_} {code}")
    chain = sorted(versions, key=lambda one: int(one["version"]), reverse=True)
    chosen = _chosen(ask, chain)
    others = [one["version"] for one in chain if one is not chosen]
    beside = next((one for one in others if str(one) == ask.query.get("with")), None)
    data = if_there(ask.api, item_path("data", type_, code), deleted="true")
    moment = ask.query.get("at", "")
    return View(
        "item.html",
        {
            "type": type_,
            "code": code,
            "path": item_page(type_, code),
            "chain": [(one, _execution(ask, type_, code, one)) for one in chain],
            "chosen": chosen,
            "data": data,
            "differences": differences(ask.api, type_, code, int(chosen["version"]), beside),
            "others": others,
            "beside": beside,
            "rows": _rows(ask, code, data),
            "at": moment,
            "then": _as_of(ask.api, type_, code, data, moment) if moment else None,
            "is_repairable": ask.who.is_operator,
            "repairable": REPAIRABLE,
            "words": WORDS,
            "blockers": _blockers(chain),
        },
        is_live=not moment,
    )


def repair(ask: Ask) -> View:
    """Show the effect of a retry or a skip before it runs."""
    type_, code = _key(ask)
    number, verb = int(ask.parts["version"]), str(ask.parts["verb"])
    _checked_verb(verb)
    versions = list(islice(ask.api.pages(item_path("commands", type_, code)), VERSIONS))
    found = next((one for one in versions if one["version"] == number), None)
    if found is None:
        raise LookupError(f"{type_} {code} has no version {number}")
    return View(
        "repair.html",
        {
            "type": type_,
            "code": code,
            "path": item_page(type_, code),
            "version": found,
            "verb": verb,
            "words": WORDS,
            "behind": _behind(versions, number),
            "may": found["outcome"] in REPAIRABLE and ask.who.is_operator,
        },
    )


def repaired(ask: Ask) -> GoTo:
    """Do it; the API says whether this person may."""
    type_, code = _key(ask)
    number, verb = int(ask.parts["version"]), str(ask.parts["verb"])
    _checked_verb(verb)
    restores = verb == "skip" and ask.form.get("restore") == "true"
    path = item_path("commands", type_, code, number, verb)
    answer = ask.api.post(f"{path}?restore=true" if restores else path)
    return GoTo(f"{item_page(type_, code)}?v={answer.get('restored', number)}")


def correcting(ask: Ask) -> View:
    """Show the form that publishes a failed version's data again, changed."""
    type_, code = _key(ask)
    number = int(ask.parts["version"])
    versions = list(islice(ask.api.pages(item_path("commands", type_, code)), VERSIONS))
    failed = if_there(ask.api, item_path("commands", type_, code, number))
    if failed is None or not versions:
        raise LookupError(f"{type_} {code} has no version {number}, or its data has expired")
    return View(
        "correct.html",
        {
            "type": type_,
            "code": code,
            "path": item_page(type_, code),
            "version": failed,
            "latest": max(one["version"] for one in versions),
            "behind": _behind(versions, number),
            "may": failed["outcome"] == "FAILED" and ask.who.is_operator,
        },
    )


def corrected(ask: Ask) -> GoTo:
    """Publish the changed data as a new version, then skip the failed one.

    The API checks both as it checks this person's other requests. A version that is refused changes
    nothing; a skip that is refused leaves the new version to wait behind the failed one.
    """
    type_, code = _key(ask)
    number, version = int(ask.parts["version"]), ask.form.get("version", "")
    _operators_alone(ask)
    body = {
        "type": type_,
        "code": code,
        "name": ask.form.get("name", ""),
        "attributes": json_of(ask.form.get("attributes", "") or "{}", "attributes"),
        "version": int(version) if version.isdecimal() else 0,
    }
    answer = ask.api.post("/commands", json.dumps(body))
    ask.api.post(item_path("commands", type_, code, number, "skip"))
    return GoTo(f"{item_page(type_, code)}?{query(v=answer.get('version'))}")


def _operators_alone(ask: Ask) -> None:
    """Refuse a person who may not skip, before anything is published."""
    if not ask.who.is_operator:
        text = "Only an operator may skip a version: publish a new one behind it instead."
        raise Refused(HTTPStatus.FORBIDDEN, "forbidden", text)


def publishing(ask: Ask) -> View:
    """Show the form that publishes a version."""
    type_, code = ask.query.get("type", ""), ask.query.get("code", "")
    data = if_there(ask.api, item_path("data", type_, code)) if type_ and code else None
    schemas = _schemas(ask)
    as_json = ask.query.get("form") == "json" or type_ not in schemas
    values = {
        "type": type_,
        "code": code,
        "data": data,
        "types": names(ask, "items"),
        "with_model": sorted(schemas),
        "form": "json" if as_json and type_ in schemas else "",
        "inputs": () if as_json else _inputs(ask, schemas[type_], data),
    }
    return View("publish.html", values)


def _schemas(ask: Ask) -> dict[str, Mapping[str, Any]]:
    """Return the schema of each type that has a model, as far as this person may use it."""
    found = if_there(ask.api, "/types") or {"items": ()}
    return {one["type"]: one["schema"] for one in found["items"] if "schema" in one}


def _inputs(
    ask: Ask, schema: Mapping[str, Any], data: Mapping[str, Any] | None
) -> tuple[Input, ...]:
    """Return the inputs of a type's attributes: as they were sent, or as the item has them."""
    form = SchemaForm(schema, ask.given or None)
    return form.inputs(data["attributes"] if data else {})


def published(ask: Ask) -> GoTo:
    """Publish it."""
    form = ask.form
    schema = None if "attributes" in form else _schemas(ask).get(form.get("type", "").strip())
    attributes = (
        json_of(form.get("attributes", "") or "{}", "attributes")
        if schema is None
        else SchemaForm(schema, form).read()
    )
    version = form.get("version", "0")
    body: dict[str, Any] = {
        "type": form.get("type", "").strip(),
        "code": form.get("code", "").strip(),
        "name": form.get("name", ""),
        "attributes": attributes,
        "version": int(version) if version.lstrip("-").isdigit() else 0,
    }
    answer = ask.api.post("/commands", json.dumps(body))
    return GoTo(f"{item_page(body['type'], body['code'])}?{query(v=answer.get('version'))}")


def _blockers(chain: list[dict[str, Any]]) -> dict[int, int]:
    """Return for each blocked version the failed one whose repair lets it run."""
    failed = sorted(one["version"] for one in chain if one["outcome"] == "FAILED")
    found = {}
    for one in chain:
        before = [version for version in failed if version < one["version"]]
        if one["outcome"] == "BLOCKED" and before:
            found[one["version"]] = before[-1]
    return found


def _behind(versions: list[dict[str, Any]], number: int) -> list[int]:
    """Return the versions that wait for one."""
    return sorted(
        one["version"]
        for one in versions
        if one["version"] > number and one["outcome"] in ("BLOCKED", "WAITING", "OPEN")
    )


def _key(ask: Ask) -> tuple[str, str]:
    return str(ask.parts["type"]), code_of(str(ask.parts["code"]))


def _checked_verb(verb: str) -> None:
    if verb not in ("retry", "skip"):
        raise LookupError(f"nothing is called {verb!r} here")


def _chosen(ask: Ask, chain: list[dict[str, Any]]) -> dict[str, Any]:
    wanted = ask.query.get("v", "")
    for one in chain:
        if str(one["version"]) == wanted:
            return one
    return chain[0]


def _execution(ask: Ask, type_: str, code: str, version: Mapping[str, Any]) -> str:
    """Return the path of the execution that runs a version's latest attempt."""
    key = ItemKey(ask.who.tenant, type_, code)
    ref = CommandRef(key, version["version"], version["attempt"])
    is_express = version.get("lane") == "EXPRESS" and version["attempt"] == 1
    machine = "command-express" if is_express else "command"
    about = query(type=type_, code=code, version=version["version"])
    return f"{execution_page(ask, machine, ref, 'CommandsTableName')}?{about}"


def _as_of(
    api: Api, type_: str, code: str, data: Mapping[str, Any] | None, moment: str
) -> Mapping[str, Any] | None:
    """Return the row that was the item's at a moment."""
    when = moment_of(moment)
    if when is None:
        return None
    history = islice(api.pages(item_path("data", type_, code, "history")), HISTORY)
    rows = [*([data] if data else []), *history]
    past = [row for row in rows if datetime.fromisoformat(row["updatedAt"]) <= when]
    return max(past, key=lambda row: int(row["version"]), default=None)


def _rows(ask: Ask, code: str, data: Mapping[str, Any] | None) -> list[dict[str, Any]]:
    """Return the rows under the item's code in the read models that this person may read.

    In the partitions that a read model lists, or in the one that the item names, by `customer`
    for instance.
    """
    attributes = data["attributes"] if data else {}
    places: list[tuple[str, str]] = []
    for model in ask.api.get("/read-models")["items"]:
        named = attributes.get(model["by"])
        partitions = model["partitions"] or ([named] if isinstance(named, str) and named else [])
        places += [(model["name"], one) for one in islice(partitions, MOST_PARTITIONS)]

    def read(place: tuple[str, str]) -> dict[str, Any] | None:
        return if_there(ask.api, item_path("read-models", *place, code))

    with ThreadPoolExecutor(AT_ONCE) as pool:
        found = list(pool.map(read, places))
    return [
        {"view": view, "partition": partition, "row": one["row"]}
        for (view, partition), one in zip(places, found, strict=True)
        if one
    ]


def _recent(ask: Ask) -> Iterator[Recent]:
    """Yield the items of the latest executions of commands in both lanes, each once."""
    known: set[ItemKey] = set()
    wanted = (Filter(machine=one, tenant=ask.who.tenant) for one in MACHINES)
    runs = [run for one in wanted for run in ask.executions.page(one, limit=RECENT).runs]
    for one in seen(ask, sorted(runs, key=lambda run: run.started, reverse=True)):
        ref = one.subject.version if one.subject else None
        if one.subject is None or ref is None or ref.key in known:
            continue
        known.add(ref.key)
        at = one.run.stopped or one.run.started
        key = ref.key
        yield Recent(
            key.type, key.code, ref.version, one.subject.label, one.subject.path, one.standing, at
        )


_ONE: Final = "/items/{type}/{code}"
_CORRECT: Final = f"{_ONE}/{{version:int}}/correct"
_REPAIR: Final = f"{_ONE}/{{version:int}}/{{verb}}"
PAGES: Final = {
    "/items": listed,
    "/publish": publishing,
    _ONE: item,
    _CORRECT: correcting,
    _REPAIR: repair,
}
FORMS: Final = {_CORRECT: corrected, _REPAIR: repaired, "/publish": published}
