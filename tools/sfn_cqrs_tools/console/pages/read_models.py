"""Read models: those that may be read, their rows, and one row."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from sfn_cqrs.routes.http import code_of
from sfn_cqrs_tools.client.api import item_path
from sfn_cqrs_tools.console.application import Ask, GoTo, View
from sfn_cqrs_tools.console.pages.rebuilds import WORK
from sfn_cqrs_tools.console.subjects import item_page

ROWS: Final = 100
MOST_COLUMNS: Final = 8
"""What a table shows of a row; its page has all."""


def listed(ask: Ask) -> View:
    """List the read models that this person may read; an operator sees where all stand."""
    models = {one["name"]: one for one in ask.api.get("/read-models")["items"]}
    stands = {one["name"]: one for one in ask.api.pages("/rebuilds")} if ask.who.is_operator else {}
    names = sorted({*models, *stands})
    return View(
        "read_models.html",
        {"models": [(name, models.get(name), stands.get(name)) for name in names]},
        is_live=any(one["stage"] in WORK for one in stands.values()),
    )


def model(ask: Ask) -> View | GoTo:
    """Show one read model: which partition it is asked for, or its only one."""
    name = str(ask.parts["name"])
    found = _model(ask, name)
    wanted = ask.query.get("partition", "").strip()
    if wanted:
        return GoTo(_path(name, wanted))
    if len(found["partitions"]) == 1:
        return GoTo(_path(name, *found["partitions"]))
    return View("read_model.html", {"model": found, "path": _path(name)})


def rows(ask: Ask) -> View:
    """Show a page of the rows of a partition."""
    name, partition = str(ask.parts["name"]), code_of(str(ask.parts["partition"]))
    path = _path(name, partition)
    page = ask.api.get(path, limit=ROWS, cursor=ask.query.get("cursor"))
    found = [
        (one["sort"], one["row"], _path(name, partition, one["sort"])) for one in page["items"]
    ]
    return View(
        "read_model_rows.html",
        {
            "model": _model(ask, name),
            "partition": partition,
            "path": path,
            "rows": found,
            "columns": columns(row for _, row, _ in found),
            "cursor": page.get("nextCursor"),
        },
        is_live="cursor" not in ask.query,
    )


def row(ask: Ask) -> View:
    """Show one row, as its handler has written it."""
    name, partition = str(ask.parts["name"]), code_of(str(ask.parts["partition"]))
    sort = code_of(str(ask.parts["sort"]))
    found = ask.api.get(_path(name, partition, sort))
    return View(
        "read_model_row.html",
        {
            "name": name,
            "partition": partition,
            "back": _path(name, partition),
            "sort": sort,
            "row": found["row"],
            "item": _item(found["row"], sort),
        },
        is_live=True,
    )


def columns(found: Iterable[Mapping[str, Any]]) -> list[tuple[str, bool]]:
    """The attributes that the rows have, those of most rows first; and whether each is a number."""
    counts: dict[str, int] = {}
    texts: set[str] = set()
    for one in found:
        for name, value in one.items():
            counts[name] = counts.get(name, 0) + 1
            if isinstance(value, bool) or not isinstance(value, int | float | type(None)):
                texts.add(name)
    most = sorted(counts, key=lambda name: -counts[name])[:MOST_COLUMNS]
    return [(name, name not in texts) for name in most]


def _item(found: Mapping[str, Any], sort: str) -> str:
    """The page of the item that a row names by its type."""
    type_ = found.get("type")
    code = found.get("code", sort)
    return item_page(type_, code) if isinstance(type_, str) and isinstance(code, str) else ""


def _model(ask: Ask, name: str) -> dict[str, Any]:
    for found in ask.api.get("/read-models")["items"]:
        if found["name"] == name:
            model_: dict[str, Any] = found
            return model_
    raise LookupError(f"there is no read model {name} that you may read")


def _path(name: str, *place: str) -> str:
    """A path here and in the API: that of a read model, of a partition, or of a row."""
    return item_path("read-models", name, *place) if place else f"/read-models/{name}"


_ONE: Final = "/read-models/{name}"
PAGES: Final = {
    "/read-models": listed,
    _ONE: model,
    f"{_ONE}/{{partition}}": rows,
    f"{_ONE}/{{partition}}/{{sort}}": row,
}
FORMS: Final[dict[str, Any]] = {}
