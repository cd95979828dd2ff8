"""The preview of a dry run: each cell of the first rows as it is, and as it would be."""

from collections.abc import Iterator

from sfn_cqrs.kernel.command import Content, DataRow
from sfn_cqrs.kernel.values import Json
from sfn_cqrs.machines.import_csv.results import Planned

LAST_SHOWN = 101
"""The last row that is shown, as a spreadsheet counts: the first hundred rows below the header."""


def row_view(
    row: int, planned: Planned, after: Content | None, before: DataRow | None
) -> dict[str, Json]:
    """Return a row with its result, its item, and the cells that it would change."""
    view: dict[str, Json] = {"row": row, "result": str(planned.fate)}
    if planned.code:
        view["item"] = planned.code
    if planned.problem is not None:
        view |= {"code": planned.problem.code, "reason": planned.problem.reason}
    if after is not None:
        view["cells"] = list(_changes(before.content if before else None, after))
    return view


def _changes(before: Content | None, after: Content) -> Iterator[Json]:
    was, will = _cells(before), _cells(after)
    for name in sorted(was.keys() | will.keys(), key=lambda each: (each != "name", each)):
        if was.get(name) != will.get(name):
            yield {"field": name, "before": was.get(name), "after": will.get(name)}


def _cells(content: Content | None) -> dict[str, Json]:
    """Return the cells of an item: its name, its attributes, and whether it is deleted."""
    if content is None:
        return {}
    deleted: dict[str, Json] = {"isDeleted": True} if content.is_deleted else {}
    return {**content.attributes, **deleted, "name": content.name}
