"""Whether a handler writes the same rows if versions come twice and late."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

from sfn_cqrs.kernel.command import Command
from sfn_cqrs.kernel.tables.dynamodb import unmarshal
from sfn_cqrs_tools.testing.fakes import World

ROWS: Final = "ReadModelsTable"
MOST_SHOWN: Final = 5
Rows = dict[tuple[str, str], dict[str, Any]]


def check_repeats(
    world: World, handler: Callable[[Command], object], versions: Sequence[Command]
) -> None:
    """Bring versions to a handler in order, then each of them again, in order and backwards.

    The stack promises no less: each version comes at least once, and may come again however late.

    Raises:
        AssertionError: a version that came again has changed rows; it names them.
    """
    for version in versions:
        handler(version)
    before = _rows(world)
    for version in (*versions, *reversed(versions)):
        handler(version)
        differing = list(_differences(before, _rows(world)))
        if differing:
            key, name = version.key, getattr(handler, "__name__", "the handler")
            shown = "\n".join(differing[:MOST_SHOWN])
            raise AssertionError(
                f"version {version.version} of {key.type} {key.code} has come to {name} again, and"
                f" has changed {len(differing)} rows:\n{shown}"
            )


def _rows(world: World) -> Rows:
    found = [unmarshal(item) for item in world.dynamodb.items(ROWS)]
    return {(row.pop("pk"), row.pop("sk")): row for row in found}


def _differences(before: Rows, after: Rows) -> Iterator[str]:
    for place in sorted(before.keys() | after.keys()):
        was, now = before.get(place), after.get(place)
        if was != now:
            yield f"  {place[0]} {place[1]}: {was} -> {now}"
