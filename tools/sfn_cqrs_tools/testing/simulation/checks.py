"""What the framework promises, held against how a schedule has ended."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from sfn_cqrs_tools.testing.simulation.calls import BrokenError
from sfn_cqrs_tools.testing.simulation.play import Playing
from sfn_cqrs_tools.testing.simulation.scene import Rows, counted, rows_of

MOST_SHOWN: Final = 4


def check(playing: Playing) -> None:
    """Hold the end against what the versions, each once and in order, make.

    Raises:
        BrokenError: it differs.
    """
    _check_outside(playing)
    _check_published(playing)
    generations = playing.rebuilding.generations()
    for tenant in playing.scene.tenants:
        expected = playing.scene.rows.get(tenant, {})
        _check_rows(playing, expected, tenant, {}, "rows")
        if generations:
            _check_rows(playing, expected, tenant, generations, "rebuild")
    if playing.stage.subject.finally_ is not None:
        playing.look(playing.stage.subject.finally_, "finally_")


def _check_outside(playing: Playing) -> None:
    had, wanted = playing.stage.outside, playing.scene.outside
    for call in sorted({*had, *wanted}):
        if had[call] != wanted[call]:
            raise BrokenError(
                "outside",
                f"{call} was called {_times(had[call])}, and {_times(wanted[call])} on a quiet day",
                "a handler may run again: pass an idempotency_key made of the version, such as"
                " command.id, or send from a task or a notice that can look whether it is done",
            )


def _times(number: int) -> str:
    return "once" if number == 1 else f"{number} times"


def _check_published(playing: Playing) -> None:
    had, wanted = counted(playing.world.dynamodb), playing.scene.counts
    for key in sorted({*had, *wanted}, key=str):
        if had.get(key, 0) != wanted.get(key, 0):
            raise BrokenError(
                "published",
                f"{key.type} {key.code} has {had.get(key, 0)} versions, and"
                f" {wanted.get(key, 0)} on a quiet day: a handler has published again",
                "a handler may run again: pass caller=Caller(idempotency_key=…) made of the"
                " version, such as command.id",
            )


def _check_rows(
    playing: Playing, expected: Rows, tenant: str, generations: dict[str, int], kind: str
) -> None:
    found = rows_of(playing.world.dynamodb, tenant, generations)
    if found == expected:
        return
    lines = list(_differences(expected, found))
    more = f"\n  and {len(lines) - MOST_SHOWN} more rows" if len(lines) > MOST_SHOWN else ""
    whose = "the rebuilt read model differs" if kind == "rebuild" else "the read model differs"
    what = "\n".join(lines[:MOST_SHOWN])
    raise BrokenError(
        kind, f"{whose} from what the versions make in order:\n{what}{more}", _advice(playing, kind)
    )


def _differences(expected: Rows, found: Rows) -> Iterator[str]:
    for row in sorted(expected.keys() | found.keys()):
        if expected.get(row) != found.get(row):
            yield f"  {' / '.join(row)}\n    is        {found.get(row, 'not there')}"
            yield f"    should be {expected.get(row, 'not there')}"


def _advice(playing: Playing, kind: str) -> str:
    hints = playing.stage.calls.hints
    if hints.asked:
        what, place = next(iter(hints.asked.items()))
        return (
            f"{what} gives another answer at every try ({place}): take the time from"
            " command.updated.at, and ids from command.id"
        )
    if hints.globals:
        names = ", ".join(sorted(hints.globals))
        return f"{names} changes: another environment does not have it; keep it in a row"
    if hints.others:
        what, place = next(iter(hints.others.items()))
        return (
            f"it reads {what} ({place}), which may be at any version then: write it from a handler"
            " of that type, or join when you read"
        )
    if kind == "rebuild":
        return (
            "a rebuild brings only the latest version of each item, unless it is of every version"
        )
    return (
        "a version may come twice and late: guard each write by command.version, with"
        " put_if_newer, move, sums or a transaction that knows the version before"
    )
