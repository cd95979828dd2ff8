"""What the framework promises, held against how a schedule has ended."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Final

from sfn_cqrs.kernel.keys import SagaKey
from sfn_cqrs.machines.saga.rules import Saga, SagaStatus, plain
from sfn_cqrs_tools.testing.simulation.calls import BrokenError
from sfn_cqrs_tools.testing.simulation.folding import folded, owners_of, rows_of
from sfn_cqrs_tools.testing.simulation.play import Playing
from sfn_cqrs_tools.testing.simulation.scene import Rows
from sfn_cqrs_tools.testing.simulation.works import SagaPlayer

MOST_SHOWN: Final = 4
PUBLISHES: Final = "publishes "
NONE: Final[Counter[str]] = Counter()


def check(playing: Playing) -> None:
    """Hold the end against what the versions, each once and in order, make.

    Raises:
        BrokenError: it differs.
    """
    _check_outside(playing)
    _check_sagas(playing)
    generations = playing.rebuilding.generations()
    for tenant in playing.scene.tenants:
        _check_rows(playing, tenant, {}, "rows")
        if generations:
            _check_rows(playing, tenant, generations, "rebuild")
        _check_own(playing, tenant)
    if playing.stage.subject.finally_ is not None:
        playing.look(playing.stage.subject.finally_, "finally_")


def _check_outside(playing: Playing) -> None:
    """Compare with a quiet day; what a saga does depends on what it finds, but is done once.

    A version that was not there then, or is not there now, is not compared; a child saga has
    another id each time.
    """
    had, wanted = playing.stage.outside, playing.scene.outside
    for by in sorted(by for by in {*had, *wanted} if had.get(by) != wanted.get(by)):
        counts, usual = had.get(by, NONE), wanted.get(by, NONE)
        least = 1 if by.startswith(f"{SagaKey.LETTERS}-") else 0
        if not least and not _is_in_both(playing, by):
            continue
        for call in sorted({*counts, *usual}):
            many, once = counts[call], usual[call]
            is_less = many < once and not least and not playing.skipped
            if is_less or many > max(once, least):
                raise _repeated(call, many, max(once, least))


def _is_in_both(playing: Playing, by: str) -> bool:
    """Whether what did it is there on the quiet day and now; tasks always are."""
    now = [owners_of(playing.world.dynamodb, tenant) for tenant in playing.scene.tenants]
    then = playing.scene.owners
    is_version = by in then or any(by in each for each in now)
    return not is_version or (by in then and any(by in each for each in now))


def _sagas(playing: Playing) -> list[SagaPlayer]:
    return [player for player in playing.players.values() if isinstance(player, SagaPlayer)]


def _repeated(call: str, many: int, once: int) -> BrokenError:
    if call.startswith(PUBLISHES):
        item = call.removeprefix(PUBLISHES)
        return BrokenError(
            "published",
            f"{many} versions of {item} were published, and {once} on a quiet day: a function has"
            " published again",
            "a function may run again: pass caller=Caller(idempotency_key=…) made of what it was"
            " given, such as command.id, item.key or step.key; a saga's step has publish_once",
        )
    return BrokenError(
        "outside",
        f"{call} was called {_times(many)}, and {_times(once)} on a quiet day",
        "a function may run again: pass an idempotency_key made of what it was given, such as"
        " command.id, item.key or step.key",
    )


def _times(number: int) -> str:
    return "once" if number == 1 else f"{number} times"


def _check_sagas(playing: Playing) -> None:
    for player in _sagas(playing):
        if player.end is SagaStatus.COMPENSATED:
            _check_undone(playing, player.saga)


def _check_undone(playing: Playing, saga: Saga) -> None:
    """Refuse an effect of a saga that has turned back, if nothing is there to undo it."""
    key: SagaKey = saga.key
    for move in saga.moves:
        done = playing.stage.outside.get(f"{key.id}/{move.step}", NONE)
        if move.compensation is None and done:
            raise BrokenError(
                "undone",
                f"saga {saga.saga} has turned back, and nothing undoes {move.step}:"
                f" {', '.join(sorted(done))}",
                f"undo it with s.step({plain(move.step)}, undo=…), or make it the last effect; if"
                " it may stay, an undo that does nothing says so",
            )


def _check_rows(playing: Playing, tenant: str, generations: dict[str, int], kind: str) -> None:
    """Compare with what the versions make; a row of a version that was skipped may be or not be."""
    found = _without(rows_of(playing.world.dynamodb, tenant, generations), playing)
    wanted = [_without(folded(playing, tenant), playing)]
    if found == wanted[0]:
        return
    if playing.skipped:
        wanted.append(_without(folded(playing, tenant, playing.skipped), playing))
    lines = list(_differences(wanted, found))
    if lines:
        whose = "the rebuilt read model differs" if kind == "rebuild" else "the read model differs"
        what = f"{whose} from what the versions make in order"
        raise BrokenError(kind, _shown(what, lines), _advice(playing, kind))


def _check_own(playing: Playing, tenant: str) -> None:
    """Compare the rows that tasks write themselves with those of a quiet day.

    A saga may end otherwise, and who asks for the time or for chance writes another row each day.
    """
    hints, has_sagas = playing.stage.calls.hints, bool(playing.stage.subject.sagas)
    if has_sagas or hints.asked or playing.skipped:
        return
    own = playing.stage.calls.own
    found = rows_of(playing.world.dynamodb, tenant)
    pair = [
        {row: one for row, one in rows.items() if row[0] in own}
        for rows in (playing.scene.own.get(tenant, {}), found)
    ]
    lines = list(_differences(pair[:1], pair[1]))
    if lines:
        what = "the rows of a task differ from those of a quiet day"
        raise BrokenError("own", _shown(what, lines), _advice(playing, "own"))


def _without(rows: Rows, playing: Playing) -> Rows:
    """Return the rows that versions make."""
    own = playing.stage.calls.own
    return {row: one for row, one in rows.items() if row[0] not in own} if own else rows


def _differences(wanted: list[Rows], found: Rows) -> Iterator[str]:
    first = wanted[0]
    for row in sorted(first.keys() | found.keys()):
        if all(found.get(row) != each.get(row) for each in wanted):
            yield f"  {' / '.join(row)}\n    is        {found.get(row, 'not there')}"
            yield f"    should be {first.get(row, 'not there')}"


def _shown(what: str, lines: list[str]) -> str:
    more = f"\n  and {len(lines) - MOST_SHOWN} more rows" if len(lines) > MOST_SHOWN else ""
    return "\n".join([f"{what}:", *lines[:MOST_SHOWN]]) + more


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
    if kind == "own":
        return "an item may run again: write a row that says the same each time, by item.key"
    return (
        "a version may come twice and late: guard each write by command.version, with"
        " put_if_newer, move, sums or a transaction that knows the version before"
    )
