"""Evaluates an expression: one run, with its limits."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial

from sfn_local.language.jsonata import limits
from sfn_local.language.jsonata.errors import JsonataError, LimitError
from sfn_local.language.jsonata.frames import Frame, Lambda
from sfn_local.language.jsonata.functions import FUNCTIONS
from sfn_local.language.jsonata.nodes import Group, Node
from sfn_local.language.jsonata.operators import OPERATORS
from sfn_local.language.jsonata.paths import (
    descendants,
    fields_of,
    filtered,
    frame_of,
    path_result,
)
from sfn_local.language.jsonata.regex import Pattern
from sfn_local.language.jsonata.signatures import Signature
from sfn_local.language.jsonata.values import (
    NOTHING,
    Built,
    Function,
    Native,
    Sequence,
    Value,
    append,
    are_strings,
    is_number,
    is_true,
    lookup,
    number,
)

TRANSFORMED = Signature("<(oa):o>")


class Run:
    """One evaluation; random numbers come from outside, so that a seed repeats them."""

    def __init__(
        self,
        bindings: dict[str, Value],
        random: Callable[[], float],
        now: datetime | None = None,
    ) -> None:
        """Bindings are the variables, and functions beside the language's own."""
        self.random = random
        self.now = now or datetime.now(UTC)
        self._frame = Frame(Frame(None, dict(FUNCTIONS)), dict(bindings))
        self._steps = 0
        self._depth = 0
        self._kinds: dict[str, Callable[[Node, Value, Frame], Value]] = {
            "path": partial(path_result, self),
            "binary": self._binary,
            "unary": self._unary,
            "name": lambda node, context, _: lookup(context, node.value),
            "string": _literal,
            "number": _literal,
            "value": _literal,
            "wildcard": lambda _, context, __: fields_of(context),
            "descendant": lambda _, context, __: descendants(context),
            "parent": lambda node, _, frame: frame.lookup(node.slot.label if node.slot else ""),
            "condition": self._condition,
            "block": self._block,
            "bind": self._bind,
            "regex": lambda node, _, __: Matcher(node),
            "function": self._function,
            "variable": _variable,
            "lambda": Lambda,
            "partial": self._partial,
            "apply": self._apply,
            "transform": lambda node, _, frame: Native(
                "", lambda _, target: self._transformed(node, target, frame), 1, TRANSFORMED
            ),
        }

    def whole(self, tree: Node, context: Value = NOTHING) -> Value:
        """Return the value of a whole expression.

        Raises:
            JsonataError: it has none.
            LimitError: it takes too much.
        """
        self._frame.bind("$", context)
        if isinstance(context, list):
            context = Sequence([context])
            context.is_wrapper = True
        return self.evaluate(tree, context, self._frame)

    def evaluate(self, node: Node, context: Value, frame: Frame) -> Value:
        """Return the value of a part of the expression."""
        self._steps += 1
        self._depth += 1
        if self._depth > limits.DEEPEST:
            raise LimitError(limits.TOO_DEEP)
        if self._steps > limits.MOST_STEPS:
            raise LimitError(limits.TOO_LONG)
        result = self._kinds[node.kind](node, context, frame)
        for stage in node.predicates:
            if stage.filter is not None:
                result = filtered(self, stage.filter, result, frame)
        if node.group is not None and node.kind != "path":
            result = self.grouped(node.group, result, frame)
        self._depth -= 1
        if isinstance(result, list | str):
            _check_size(result)
            if isinstance(result, Sequence) and not result.tuples:
                return _unwrapped(result, node.keeps_array)
        return result

    def _binary(self, node: Node, context: Value, frame: Frame) -> Value:
        left = self.evaluate(node.first, context, frame)
        try:
            if node.value == "and":
                return is_true(left) and is_true(self.evaluate(node.second, context, frame))
            if node.value == "or":
                return is_true(left) or is_true(self.evaluate(node.second, context, frame))
            right = self.evaluate(node.second, context, frame)
        except JsonataError as error:
            if node.value in ("and", "or"):
                error.position, error.details["token"] = node.position, node.value
            raise
        try:
            return OPERATORS[node.value](left, right)
        except JsonataError as error:
            raise error.at(node.position, node.value) from None
        except MemoryError:
            raise LimitError(limits.TOO_LARGE) from None

    def _unary(self, node: Node, context: Value, frame: Frame) -> Value:
        if node.value == "{":
            return self.grouped(Group(node.pairs, node.position), context, frame)
        if node.value == "[":
            return self._array(node, context, frame)
        value = self.evaluate(node.first, context, frame)
        if value is NOTHING:
            return NOTHING
        if not is_number(value):
            raise JsonataError("D1002", node.position, value=value, token=node.value)
        return number(-value)

    def _array(self, node: Node, context: Value, frame: Frame) -> Value:
        result: list[Value] = Built() if node.builds_array else []
        for item in node.items:
            value = self.evaluate(item, context, frame)
            if isinstance(value, list) and not (item.kind == "unary" and item.value == "["):
                result.extend(value)
            elif value is not NOTHING:
                result.append(value)
        return result

    def grouped(self, group: Group, value: Value, frame: Frame) -> Value:
        """Return the object of a grouping clause, or of an object constructor."""
        are_tuples = isinstance(value, Sequence) and value.tuples
        items = value if isinstance(value, list) else [value]
        groups: dict[str, tuple[int, Value]] = {}
        for item in items or [NOTHING]:
            inner = frame_of(frame, item) if are_tuples else frame
            context = item["@"] if are_tuples else item
            for index, (name, _) in enumerate(group.pairs):
                key = self.evaluate(name, context, inner)
                if key is NOTHING:
                    continue
                if not isinstance(key, str):
                    raise JsonataError("T1003", group.position, value=key)
                groups[key] = _with(groups.get(key), index, item, group, key)
        result = {}
        for key, (index, data) in groups.items():
            inner, context = frame, data
            if are_tuples:
                one = _as_one(data)
                context = one.pop("@")
                inner = frame_of(frame, one)
            found = self.evaluate(group.pairs[index][1], context, inner)
            if found is not NOTHING:
                result[key] = found
        return result

    def _condition(self, node: Node, context: Value, frame: Frame) -> Value:
        if is_true(self.evaluate(node.first, context, frame)):
            return self.evaluate(node.second, context, frame)
        return NOTHING if node.third is None else self.evaluate(node.third, context, frame)

    def _block(self, node: Node, context: Value, frame: Frame) -> Value:
        inner = Frame(frame)
        result: Value = NOTHING
        for item in node.items:
            result = self.evaluate(item, context, inner)
        return result

    def _bind(self, node: Node, context: Value, frame: Frame) -> Value:
        value = self.evaluate(node.second, context, frame)
        frame.bind(node.first.value, value)
        return value

    def _apply(self, node: Node, context: Value, frame: Frame) -> Value:
        left = self.evaluate(node.first, context, frame)
        if node.second.kind == "function":
            return self._function(node.second, context, frame, [left])
        function = self.evaluate(node.second, context, frame)
        if not isinstance(function, Function):
            raise JsonataError("T2006", node.position, value=function)
        if isinstance(left, Function):
            first: Function = left
            return Native("", lambda _, x: self.call(function, [self.call(first, [x])]), 1)
        return self.call(function, [left])

    def _function(
        self, node: Node, context: Value, frame: Frame, before: list[Value] | None = None
    ) -> Value:
        function = self._procedure(node, context, frame, "T1005")
        arguments = list(before or ())
        arguments += [self.evaluate(item, context, frame) for item in node.items]
        try:
            return self.call(function, arguments, context)
        except JsonataError as error:
            raise error.at(node.position, _name_of(node.first)) from None

    def _procedure(self, node: Node, context: Value, frame: Frame, code: str) -> Value:
        function = self.evaluate(node.first, context, frame)
        name = _name_of(node.first)
        is_bare = function is NOTHING and node.first.kind == "path"
        if is_bare and name and frame.lookup(name) is not NOTHING:
            raise JsonataError(code, node.position, name, token=name)
        return function

    def _partial(self, node: Node, context: Value, frame: Frame) -> Value:
        is_open = [item.kind == "placeholder" for item in node.items]
        arguments = [
            NOTHING if is_left else self.evaluate(item, context, frame)
            for item, is_left in zip(node.items, is_open, strict=True)
        ]
        function = self._procedure(node, context, frame, "T1007")
        if isinstance(function, Lambda):
            return function.without(arguments, is_open)
        if isinstance(function, Native):
            return self._partial_native(function, arguments, is_open)
        raise JsonataError("T1008", node.position, token=_name_of(node.first))

    def _partial_native(
        self, function: Native, arguments: list[Value], is_open: list[bool]
    ) -> Native:
        """Return a native function with some arguments; its signature does not count any more."""

        def call(_: Run, *rest: Value) -> Value:
            left = iter(rest)
            given = [
                next(left, NOTHING) if is_left else argument
                for argument, is_left in zip(arguments, is_open, strict=True)
            ]
            missing = (function.signature and len(function.signature.parameters)) or 0
            return function.call(self, *given, *[NOTHING] * (missing - len(given)))

        return Native(function.name, call, sum(is_open))

    def call(self, function: Value, arguments: list[Value], context: Value = None) -> Value:
        """Return what a function gives for these arguments."""
        result = self._call_once(function, arguments, context)
        while isinstance(result, Lambda) and result.is_thunk:
            body = result.body
            following = self.evaluate(body.first, result.context, result.frame)
            given = [self.evaluate(item, result.context, result.frame) for item in body.items]
            try:
                result = self._call_once(following, given, context)
            except JsonataError as error:
                raise error.at(body.first.position, _name_of(body.first)) from None
        return result

    def _call_once(self, function: Value, arguments: list[Value], context: Value) -> Value:
        if not isinstance(function, Function):
            raise JsonataError("T1006")
        if function.signature is not None:
            arguments = function.signature.check(arguments, context)
        if isinstance(function, Lambda):
            names = function.parameters
            bound = dict(zip(names, [*arguments, *[NOTHING] * len(names)], strict=False))
            return self.evaluate(function.body, function.context, Frame(function.frame, bound))
        if function.signature is None:
            arguments = [*arguments, *[NOTHING] * function.arity][: function.arity]
        if isinstance(function, Matcher):
            return function.match(*arguments)
        assert isinstance(function, Native)
        return function.call(self, *arguments)

    def _transformed(self, node: Node, target: Value, frame: Frame) -> Value:
        if target is NOTHING:
            return NOTHING
        clone = frame.lookup("clone")
        if not isinstance(clone, Function):
            raise JsonataError("T2013", node.position)
        result = self.call(clone, [target])
        matches = self.evaluate(node.first, result, frame)
        for match in matches if isinstance(matches, list) else [matches]:
            self._update(node, match, frame)
        return result

    def _update(self, node: Node, match: Value, frame: Frame) -> None:
        if match is NOTHING:
            return
        update = self.evaluate(node.second, match, frame)
        if update is not NOTHING:
            if not isinstance(update, dict):
                raise JsonataError("T2011", node.second.position, value=update)
            if isinstance(match, dict):
                match.update(update)
        if node.third is not None:
            self._delete(node.third, match, frame)

    def _delete(self, node: Node, match: Value, frame: Frame) -> None:
        names = self.evaluate(node, match, frame)
        if names is NOTHING:
            return
        listed = names if isinstance(names, list) else [names]
        if not are_strings(listed):
            raise JsonataError("T2012", node.position, value=names)
        for name in listed if isinstance(match, dict) else ():
            match.pop(name, None)


class Matcher(Function):
    """A pattern, as the function that it is: it gives a match, and the one after it."""

    arity = 2

    def __init__(self, node: Node) -> None:
        """The node has the pattern."""
        self._node = node
        self._pattern: Pattern = node.value

    def match(self, text: Value = NOTHING, start: Value = NOTHING) -> Value:
        """Return the first match from there on, or nothing."""
        if not isinstance(text, str):
            return NOTHING
        found = self._pattern.compiled.search(text, 0 if start is NOTHING else int(start))
        if found is None:
            return NOTHING
        groups = [NOTHING if group is None else group for group in found.groups()]

        def following(_: Run) -> Value:
            if found.end() >= len(text):
                return NOTHING
            match = self.match(text, found.end())
            if match is not NOTHING and match["match"] == "":
                raise JsonataError("D1004", self._node.position, value=self._pattern.source)
            return match

        return {
            "match": found[0],
            "start": found.start(),
            "end": found.end(),
            "groups": groups,
            "next": Native("next", following, 0),
        }


def _literal(node: Node, _: Value, __: Frame) -> Value:
    return node.value


def _variable(node: Node, context: Value, frame: Frame) -> Value:
    if node.value:
        return frame.lookup(node.value)
    return context[0] if isinstance(context, Sequence) and context.is_wrapper else context


def _unwrapped(result: Sequence, keeps_array: bool) -> Value:
    if keeps_array:
        result.is_kept = True
    if not result:
        return NOTHING
    return result[0] if len(result) == 1 and not result.is_kept else result


def _check_size(value: list[Value] | str) -> None:
    most = limits.MOST_BYTES if isinstance(value, str) else limits.MOST_ITEMS
    if len(value) > most:
        raise LimitError(limits.TOO_LARGE)


def _with(
    entry: tuple[int, Value] | None, index: int, item: Value, group: Group, key: str
) -> tuple[int, Value]:
    if entry is None:
        return index, item
    if entry[0] != index:
        raise JsonataError("D1009", group.position, value=key)
    return index, append(entry[1], item)


def _as_one(data: Value) -> dict[str, Value]:
    """Return the tuples of a group as one, whose fields have the values of all."""
    if not isinstance(data, list):
        return dict(data)
    one = dict(data[0])
    for each in data[1:]:
        for name, value in each.items():
            one[name] = append(one.get(name, NOTHING), value)
    return one


def _name_of(procedure: Node) -> str | None:
    name = procedure.items[0].value if procedure.kind == "path" else procedure.value
    return name if isinstance(name, str) else None
