"""The search: find things by id, code, name, text of the data, or error."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import timedelta
from http import HTTPStatus
from typing import Any, Final

from sfn_cqrs.kernel.keys import ItemKey
from sfn_cqrs.kernel.tables.paging import cursor_at
from sfn_cqrs_tools.client.api import item_path
from sfn_cqrs_tools.console.application import Ask, File, GoTo, Refused, View
from sfn_cqrs_tools.console.differences import if_there
from sfn_cqrs_tools.console.executions import Filter
from sfn_cqrs_tools.console.failures import failed_versions, first_page, latest_tasks
from sfn_cqrs_tools.console.lists import folded
from sfn_cqrs_tools.console.moments import read
from sfn_cqrs_tools.console.names import names
from sfn_cqrs_tools.console.rendering import query
from sfn_cqrs_tools.console.standing import Seen, Standing, of_items, seen
from sfn_cqrs_tools.console.subjects import by_id, item_page, item_text

SHOWN: Final = 10
LISTED: Final = 100
AT_ONCE: Final = 8
PATIENCE_SECONDS: Final = 3.0
"""How long the data of items is searched."""
AROUND: Final = timedelta(minutes=5)
MOST_LOOKED_AT: Final = 5_000
_ID: Final = re.compile(r"[a-z]-[0-9A-HJKMNP-TV-Z]{26}")
_ARN: Final = re.compile(r"arn:aws[\w-]*:states:[^:]*:[^:]*:execution:([^:]+):([^:]+)")
_ITEM: Final = re.compile(r"([A-Z][A-Z0-9_]*)[ /#](.+)")


@dataclass(frozen=True)
class Hit:
    """A result of the search."""

    label: str
    path: str
    note: str = ""
    status: str = ""
    at: str = ""


@dataclass(frozen=True)
class Found:
    """Hits of one kind; `more` leads to the list that has the rest."""

    kind: str
    hits: list[Hit]
    more: str = ""


def search(ask: Ask) -> GoTo | View:
    """Go to the only match, or show all matches."""
    text = ask.query.get("q", "").strip()
    place = _place(ask, text) if text else ""
    if place is not None:
        return GoTo(place)
    looks = (_items, _works, _read_models, _named_executions)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        found = [part for parts in pool.map(lambda look: look(ask, text), looks) for part in parts]
    found = [*_at_a_time(ask, text), *found]
    return View("search.html", {"text": text, "found": [one for one in found if one.hits]})


def moment(ask: Ask) -> File:
    """Return the moment that a text means, as ISO 8601 in UTC."""
    at = read(ask.query.get("text", ""), ask.query.get("zone", "UTC"))
    if at is None:
        raise Refused(HTTPStatus.BAD_REQUEST, "invalid_input", "This is not a time.")
    return File(at.isoformat().encode(), "moment.txt")


def _at_a_time(ask: Ask, text: str) -> list[Found]:
    """Return the executions around a time, if the text is one."""
    at = read(text, ask.query.get("zone", "UTC"))
    if at is None:
        return []
    between = {"within": "between", "from": at - AROUND, "to": at + AROUND}
    told = {name: str(value).replace(" ", "T") for name, value in between.items()}
    note, path = f"{at:%Y-%m-%d %H:%M:%S} UTC", f"/executions?{query(**told)}"
    hit = Hit("Executions around then", path, note, at=at.isoformat())
    return [Found("A time, five minutes before and after", [hit])]


def begins(ask: Ask) -> View:
    """Show the items whose codes begin with the text; each type's list has sixteen parts."""
    text = ask.query.get("q", "").strip()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        found = list(pool.map(lambda one: _by_beginning(ask, one, text), names(ask, "items")))
    shown = [one for one in found if one.hits]
    return View("search_deep.html", {"text": text, "found": shown, "left": [], "is_last": False})


def deep(ask: Ask) -> View:
    """Look through names and attributes of items, and through errors."""
    text = ask.query.get("q", "").strip()
    until = time.monotonic() + PATIENCE_SECONDS
    wanted = Filter(error=text, tenant=ask.who.tenant)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        errors = pool.submit(ask.executions.page, wanted, None, SHOWN)
        failed = pool.submit(_failures, ask, text)
        parts = list(pool.map(lambda type_: _in_data(ask, type_, text, until), names(ask, "items")))
    hits = [replace(_of_run(one), note=one.run.error) for one in seen(ask, errors.result().runs)]
    by_error = Found("Executions by error", hits, _more("error", text))
    found = [*failed.result(), *(part for part, _ in parts), by_error]
    shown = [one for one in found if one.hits]
    left = [part.kind for part, is_whole in parts if not is_whole]
    told = {"text": text, "found": shown, "left": left, "is_last": True}
    return View("search_deep.html", told)


def _place(ask: Ask, text: str) -> str | None:
    """Return the page of what a whole id, an ARN, or a type with a code names."""
    if _ID.fullmatch(text) and (subject := by_id(text, ask.who.tenant)):
        return subject.path
    if found := _ARN.fullmatch(text):
        return f"/executions/{ask.backend.short(found[1])}/{found[2]}"
    if (found := _ITEM.fullmatch(text)) and found[1] in names(ask, "items"):
        return item_page(found[1], found[2].strip())
    return f"/items?{query(type=text)}" if text in names(ask, "items") else None


def _items(ask: Ask, text: str) -> list[Found]:
    """Return the items of a code: one read of each type, however many there are."""
    paths = [item_path("data", type_, text) for type_ in names(ask, "items")]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        rows = pool.map(lambda path: if_there(ask.api, path, deleted="true"), paths)
        return [Found(row["type"], _hits(ask, [row])) for row in rows if row]


def _by_beginning(ask: Ask, type_: str, text: str) -> Found:
    """Return the items whose codes begin with a text and go on, by their keys."""
    behind = cursor_at(ItemKey(ask.who.tenant, type_, text).sk)
    page = if_there(ask.api, "/data", type=type_, limit=SHOWN, cursor=behind) or {"items": []}
    rows = [one for one in page["items"] if str(one["code"]).startswith(text)]
    return Found(
        f"{item_text(type_, text)}…", _hits(ask, rows), f"/items?{query(type=type_, q=text)}"
    )


def _hits(ask: Ask, rows: list[dict[str, Any]]) -> list[Hit]:
    """Return the items of data rows of one type, each with how it stands."""
    stand = of_items(ask, rows)
    return [_hit(row, stand[row["code"]]) for row in rows]


def _hit(row: dict[str, Any], standing: Standing) -> Hit:
    label, path = item_text(row["type"], row["code"]), item_page(row["type"], row["code"])
    return Hit(label, path, row["name"], standing.status, row["updatedAt"])


def _works(ask: Ask, text: str) -> list[Found]:
    """Sagas, tasks, imports and approvals among the latest of each."""
    looks: list[tuple[str, str, Iterable[dict[str, Any]]]] = [
        ("Sagas", "/sagas", first_page(ask, "/sagas")),
        ("Tasks", "/tasks", latest_tasks(ask)),
        ("Imports", "/imports", first_page(ask, "/imports", kind="csv")),
        ("Archives", "/imports", first_page(ask, "/imports", kind="zip")),
        ("Approvals", "/approvals", first_page(ask, "/approvals", status="ALL")),
    ]
    found = []
    for kind, page, latest in looks:
        hits = [_of_work(one, page) for one in latest if _is_meant(one, text)]
        more = f"{page}?{query(q=text, status='ALL' if page == '/approvals' else '')}"
        found.append(Found(kind, hits[:SHOWN], more))
    return found


TEXTS: Final = ("id", "name", "file", "subject", "note", "error", "cause", "table", "saga", "type")


def _is_meant(one: dict[str, Any], text: str) -> bool:
    wanted = folded(text)
    return any(wanted in folded(str(one.get(name) or "")) for name in TEXTS)


def _of_work(one: dict[str, Any], page: str) -> Hit:
    label = one.get("name") or one.get("file") or one.get("subject") or one.get("table")
    error = one.get("error", "")
    note = error if isinstance(error, str) else str(error.get("message", ""))
    kind = one.get("saga") or one.get("taskType") or one.get("type") or ""
    at = one.get("createdAt") or one.get("requestedAt") or ""
    return Hit(
        f"{kind} {label or one['id']}".strip(), f"{page}/{one['id']}", note, one["status"], at
    )


def _read_models(ask: Ask, text: str) -> list[Found]:
    models = [one["name"] for one in ask.api.get("/read-models")["items"]]
    hits = [Hit(one, f"/read-models/{one}") for one in models if text.lower() in one.lower()]
    return [Found("Read models", hits)]


def _named_executions(ask: Ask, text: str) -> list[Found]:
    page = ask.executions.page(Filter(name=text, tenant=ask.who.tenant), None, SHOWN)
    hits = [_of_run(one) for one in seen(ask, page.runs)]
    machines = [one.short for one in ask.executions.machines() if text.lower() in one.short.lower()]
    return [
        Found("Machines", [Hit(one, f"/executions?{query(machine=one)}") for one in machines]),
        Found("Executions by name", hits, _more("name", text)),
    ]


def _of_run(one: Seen) -> Hit:
    run, subject = one.run, one.subject
    label, note = (subject.label, run.name) if subject else (run.name, "")
    path = f"/executions/{run.machine}/{run.name}"
    return Hit(label, path, note, one.standing.status, run.started.isoformat())


def _failures(ask: Ask, text: str) -> list[Found]:
    """Find failed versions whose error has this text; `_works` finds all else that failed."""
    groups = [
        one for one in failed_versions(ask) if text.lower() in f"{one.error} {one.cause}".lower()
    ]
    hits = [
        Hit(
            f"{one.count} × {one.type}",
            f"/repairs?{query(what=one.what, type=one.type, error=one.text)}",
            f"{one.error} {one.cause}",
            "FAILED",
            one.oldest,
        )
        for one in groups
    ]
    return [Found("Failures", hits[:SHOWN], "/repairs")]


def _more(name: str, text: str) -> str:
    return f"/executions?{query(**{name: text})}"


def _in_data(ask: Ask, type_: str, text: str, until: float) -> tuple[Found, bool]:
    """Items with a text in their names or attributes; and whether all were looked at."""
    wanted, cursor, seen = folded(text), None, 0
    hits: list[dict[str, Any]] = []
    while True:
        page = if_there(ask.api, "/data", type=type_, limit=LISTED, cursor=cursor)
        if page is None:
            return Found(type_, []), True
        seen += len(page["items"])
        hits += [one for one in page["items"] if wanted in folded(_text(one))]
        cursor = page.get("nextCursor")
        is_over = time.monotonic() > until or seen >= MOST_LOOKED_AT or len(hits) >= SHOWN
        if cursor is None or is_over:
            found = Found(f"{type_} by content", _content_hits(ask, hits[:SHOWN], wanted))
            return found, cursor is None or len(hits) >= SHOWN


def _content_hits(ask: Ask, rows: list[dict[str, Any]], wanted: str) -> list[Hit]:
    """Return items found by what they contain, each with the attribute that contains it."""

    def noted(row: dict[str, Any], hit: Hit) -> Hit:
        parts = (f"{name}: {value}" for name, value in row["attributes"].items())
        reason = next((part for part in parts if wanted in folded(part)), "")
        is_named = wanted in folded(row["name"])
        return hit if is_named or not reason else replace(hit, note=f"{hit.note} · {reason}")

    return [noted(row, hit) for row, hit in zip(rows, _hits(ask, rows), strict=True)]


def _text(row: dict[str, Any]) -> str:
    return f"{row['name']} {' '.join(map(str, row['attributes'].values()))}"


PAGES: Final = {
    "/search": search,
    "/search/begins": begins,
    "/search/deep": deep,
    "/moment": moment,
}
FORMS: Final[dict[str, Any]] = {}
