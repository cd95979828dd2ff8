"""Writes a value where a Reference Path points, without changing what was there before."""

from collections.abc import Sequence

from sfn_local.document import Json
from sfn_local.errors import StateFailure
from sfn_local.language.jsonpath.path import Index, Name, Path, Segment


def write(root: Json, path: Path, value: Json) -> Json:
    """A copy of root with the value at the path; objects on the way are made where they lack.

    Raises:
        StateFailure: States.ResultPathMatchFailure, where root has no room for the path.
    """
    try:
        return _write(root, path.segments, value)
    except _NoRoomError:
        cause = f"Unable to apply ResultPath '{path.text}' to the state's input"
        raise StateFailure("States.ResultPathMatchFailure", cause) from None


class _NoRoomError(Exception):
    pass


def _write(node: Json, segments: Sequence[Segment], value: Json) -> Json:
    if not segments:
        return value
    first, *rest = segments
    if isinstance(first, Name):
        return _write_field(node, first.name, rest, value)
    if isinstance(first, Index) and isinstance(node, list) and first.index < len(node):
        copy = list(node)
        copy[first.index] = _write(node[first.index], rest, value)
        return copy
    raise _NoRoomError


def _write_field(node: Json, name: str, rest: Sequence[Segment], value: Json) -> Json:
    if not isinstance(node, dict):
        raise _NoRoomError
    return {**node, name: _write(node.get(name, {}), rest, value)}
