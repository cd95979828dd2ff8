"""Read models: those that may be read, their rows, and one row."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any, Final

from sfn_cqrs.kernel.http.http import code_of
from sfn_cqrs_tools.client.api import item_path
from sfn_cqrs_tools.console.application import Ask, File, GoTo, View
from sfn_cqrs_tools.console.lists import Shape, listing, natural, shown
from sfn_cqrs_tools.console.pages.rebuilds import WORK
from sfn_cqrs_tools.console.subjects import item_page

Row = tuple[str, dict[str, Any], str]
"""A row's sort key, its attributes, and its page."""
MOST_COLUMNS: Final = 8
"""A table shows at most so many columns; a row's own page has all of them."""


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


def rows(ask: Ask) -> View | File:
    """Show a page of the rows of a partition."""
    name, partition = str(ask.parts["name"]), code_of(str(ask.parts["partition"]))
    path = _path(name, partition)

    def fetch(limit: int, cursor: str | None) -> tuple[list[Row], str | None]:
        page = ask.api.get(path, limit=limit, cursor=cursor)
        rows = [
            (one["sort"], one["row"], _path(name, partition, one["sort"])) for one in page["items"]
        ]
        return rows, page.get("nextCursor")

    sort = ask.query.get("sort", "").removeprefix("-")
    found = listing(ask, fetch, _shape(sort))
    model_ = _model(ask, name)
    seen = typed_columns(model_) or columns(row for _, row, _ in found.rows)
    found = replace(found, sorts=("key", *(one for one, _ in seen)))
    values = {"model": model_, "partition": partition, "columns": seen}
    return shown(ask, "read_model_rows.html", found, fetch, **values)


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


def _shape(sort: str) -> Shape[Row]:
    """Sort by the key or by any attribute; those without it come first."""
    sorts: dict[str, Callable[[Row], Any]] = {"key": lambda one: natural(one[0])}
    if sort:
        sorts.setdefault(sort, lambda one: _plain(one[1].get(sort)))
    return Shape(
        sorts,
        texts=lambda one: (one[0], json.dumps(one[1], ensure_ascii=False)),
        record=lambda one: {"key": one[0], **one[1]},
    )


def _plain(value: Any) -> Any:
    """Return a value that sorts with its like: a number, or text."""
    is_number = isinstance(value, int | float)
    return (0, value, "") if is_number else (1, 0, str(value).casefold())


def typed_columns(model_: Mapping[str, Any]) -> list[tuple[str, bool]]:
    """Return the fields of the rows' class in their order, and whether each is a number."""
    fields = model_.get("row", {}).get("properties", {})
    return [(name, is_number(one)) for name, one in fields.items()][:MOST_COLUMNS]


def is_number(schema: Mapping[str, Any]) -> bool:
    """Return whether a field is a number, or may be none."""
    options = schema.get("anyOf", [schema])
    kinds = [one.get("type") for one in options]
    return all(kind in ("integer", "number", "null") for kind in kinds)


def columns(found: Iterable[Mapping[str, Any]]) -> list[tuple[str, bool]]:
    """Return the rows' attributes, most frequent first, and whether each is a number."""
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
    """Return the page of the item that a row names by its type."""
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
    """Return a path here and in the API: that of a read model, of a partition, or of a row."""
    return item_path("read-models", name, *place) if place else f"/read-models/{name}"


_ONE: Final = "/read-models/{name}"
PAGES: Final = {
    "/read-models": listed,
    _ONE: model,
    f"{_ONE}/{{partition}}": rows,
    f"{_ONE}/{{partition}}/{{sort}}": row,
}
FORMS: Final[dict[str, Any]] = {}
