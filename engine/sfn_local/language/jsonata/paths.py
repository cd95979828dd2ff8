"""Paths: step by step from a value to what is in it."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Protocol

from sfn_local.language.jsonata.errors import JsonataError
from sfn_local.language.jsonata.frames import CONTEXT, Frame
from sfn_local.language.jsonata.nodes import Group, Node, Stage
from sfn_local.language.jsonata.sorting import merge_sorted
from sfn_local.language.jsonata.values import (
    NOTHING,
    Built,
    Sequence,
    Value,
    are_numbers,
    is_number,
    is_numeric_type,
    is_true,
)

Tuples = list[dict[str, Value]]


class Evaluator(Protocol):
    """The part of a run that a path needs."""

    def evaluate(self, node: Node, context: Value, frame: Frame) -> Value:
        """Return the value of a node."""

    def grouped(self, group: Group, value: Value, frame: Frame) -> Value:
        """Return the object that a grouping clause makes."""


def path_result(run: Evaluator, node: Node, context: Value, frame: Frame) -> Value:
    """Return what a path finds."""
    starts_inside = isinstance(context, list) and node.items[0].kind != "variable"
    found: Value = context if starts_inside else Sequence([context])
    tuples: Tuples | None = None
    are_tuples = False
    previous = found
    for index, step in enumerate(node.items):
        are_tuples = are_tuples or step.makes_tuples
        if index == 0 and step.builds_array:
            found = run.evaluate(step, previous, frame)
        elif are_tuples:
            tuples = _tuple_step(run, step, previous, tuples, frame)
        else:
            found = _step(run, step, previous, frame, index == len(node.items) - 1)
        if not are_tuples and (found is NOTHING or not found):
            break
        if not step.focus:
            previous = found
    if tuples is not None:
        found = tuples if node.makes_tuples else Sequence(each[CONTEXT] for each in tuples)
    if node.group is not None:
        return run.grouped(node.group, found if tuples is None else tuples, frame)
    return _kept(found) if node.keeps_singleton else found


def _kept(found: Value) -> Value:
    if isinstance(found, Built):
        found = Sequence([found])
    if isinstance(found, Sequence):
        found.is_kept = True
    return found


def frame_of(frame: Frame, names: dict[str, Value]) -> Frame:
    """Return a scope with the names of a tuple."""
    return Frame(frame, dict(names))


def _step(run: Evaluator, step: Node, items: list[Value], frame: Frame, is_last: bool) -> Value:
    if step.kind == "sort":
        return _staged(run, step.stages, _ordered(run, step, items, frame), frame)
    results = []
    for item in items:
        value = run.evaluate(step, item, frame)
        for stage in step.stages:
            if stage.filter is not None:
                value = filtered(run, stage.filter, value, frame)
        if value is not NOTHING:
            results.append(value)
    return _flattened(results, is_last)


def _flattened(results: list[Value], is_last: bool) -> Value:
    only = results[0] if is_last and len(results) == 1 else None
    if isinstance(only, list) and not isinstance(only, Sequence):
        return only
    flat = Sequence()
    for value in results:
        if isinstance(value, list) and not isinstance(value, Built):
            flat.extend(value)
        else:
            flat.append(value)
    return flat


def _tuple_step(
    run: Evaluator, step: Node, items: list[Value], tuples: Tuples | None, frame: Frame
) -> Tuples:
    if step.kind == "sort":
        return _ordered_tuples(run, step, items, tuples, frame)
    result = Sequence()
    result.tuples = True
    for each in [{CONTEXT: item} for item in items] if tuples is None else tuples:
        found = run.evaluate(step, each[CONTEXT], frame_of(frame, each))
        if found is NOTHING:
            continue
        values = found if isinstance(found, list) else [found]
        inner = isinstance(found, Sequence) and found.tuples
        for position, value in enumerate(values):
            result.append({**each, **(value if inner else _names(step, each, value, position))})
    return _staged(run, step.stages, result, frame)  # type: ignore[no-any-return]


def _names(step: Node, each: dict[str, Value], value: Value, position: int) -> dict[str, Value]:
    names = {step.focus: value} if step.focus else {CONTEXT: value}
    if step.index:
        names[step.index] = position
    if step.ancestor is not None:
        names[step.ancestor.label] = each[CONTEXT]
    return names


def _ordered_tuples(
    run: Evaluator, step: Node, items: list[Value], tuples: Tuples | None, frame: Frame
) -> Tuples:
    if tuples is not None:
        ordered = _ordered(run, step, tuples, frame)
    else:
        ordered = [
            {CONTEXT: value, step.index: position}
            for position, value in enumerate(_ordered(run, step, items, frame))
        ]
    result = Sequence(ordered)
    result.tuples = True
    return _staged(run, step.stages, result, frame)  # type: ignore[no-any-return]


def _staged(run: Evaluator, stages: list[Stage], value: Value, frame: Frame) -> Value:
    for stage in stages:
        if stage.filter is not None:
            value = filtered(run, stage.filter, value, frame)
        else:
            for position, each in enumerate(value):
                each[stage.index] = position
    return value


def filtered(run: Evaluator, predicate: Node, value: Value, frame: Frame) -> Value:
    """Return the items that a predicate lets pass, or the one at its position."""
    are_tuples = isinstance(value, Sequence) and value.tuples
    result = Sequence()
    result.tuples = are_tuples
    items = value if isinstance(value, list) else [value]
    if predicate.kind == "number":
        return _at(items, predicate.value, result)
    for index, item in enumerate(items):
        context = item[CONTEXT] if are_tuples else item
        inner = frame_of(frame, item) if are_tuples else frame
        found = run.evaluate(predicate, context, inner)
        if is_number(found):
            found = [found]
        if are_numbers(found):
            result.extend(item for each in found if _place(each, len(items)) == index)
        elif is_true(found):
            result.append(item)
    return result


def _at(items: list[Value], position: float, result: Sequence) -> Value:
    index = _place(position, len(items))
    if not 0 <= index < len(items) or items[index] is NOTHING:
        return result
    item = items[index]
    if isinstance(item, list):
        return item
    result.append(item)
    return result


def _place(position: float, length: int) -> int:
    index = math.floor(position)
    return index + length if index < 0 else index


def fields_of(context: Value) -> Value:
    """Return what `*` finds: the values of all fields."""
    if isinstance(context, Sequence) and context.is_wrapper and context:
        context = context[0]
    values = context.values() if isinstance(context, dict) else context
    if not isinstance(context, dict | list):
        return Sequence()
    results: list[Value] = Sequence()
    for value in values:
        if isinstance(value, list):
            results = [*results, *_flat(value)]
        else:
            results.append(value)
    return results


def _flat(value: Value) -> list[Value]:
    if not isinstance(value, list):
        return [value]
    return [inner for item in value for inner in _flat(item)]


def descendants(context: Value) -> Value:
    """Return what `**` finds: the value, and all that is in it."""
    if context is NOTHING:
        return NOTHING
    found = Sequence()
    _descend(context, found.append)
    return found[0] if len(found) == 1 else found


def _descend(value: Value, report: Callable[[Value], None]) -> None:
    if not isinstance(value, list):
        report(value)
    if isinstance(value, list | dict):
        for inner in value if isinstance(value, list) else value.values():
            _descend(inner, report)


def _ordered(run: Evaluator, step: Node, items: list[Value], frame: Frame) -> list[Value]:
    are_tuples = isinstance(items, Sequence) and items.tuples

    def key(node: Node, item: Value) -> Value:
        if are_tuples:
            return run.evaluate(node, item[CONTEXT], frame_of(frame, item))
        return run.evaluate(node, item, frame)

    def is_after(first: Value, second: Value) -> bool:
        for term in step.terms:
            left, right = key(term.expression, first), key(term.expression, second)
            order = _order(left, right, step.position)
            if order:
                is_missing = left is NOTHING or right is NOTHING
                return (order < 0) == (term.is_descending and not is_missing)
        return False

    return merge_sorted(items, is_after)


def _order(left: Value, right: Value, position: int) -> int:
    """Less than 0, 0 or more than 0; what is missing comes last."""
    if left is NOTHING or right is NOTHING:
        return (left is NOTHING) - (right is NOTHING)
    for value in (left, right):
        if not isinstance(value, str) and not is_numeric_type(value):
            raise JsonataError("T2008", position, value=value)
    if isinstance(left, str) != isinstance(right, str):
        raise JsonataError("T2007", position, value=left, value2=right)
    return int(left > right) - int(left < right)
