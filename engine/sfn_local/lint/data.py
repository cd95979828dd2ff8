"""Data flow: paths, payload templates, intrinsic functions, the context object."""

import re
from collections.abc import Iterator
from typing import Any

from sfn_local.document import Json
from sfn_local.language.intrinsics import Call, parse_expression
from sfn_local.language.jsonpath import Path, PathSyntaxError, parse_path
from sfn_local.language.jsonpath.path import Name
from sfn_local.lint.expressions import INNER_SCOPES
from sfn_local.lint.finding import Report
from sfn_local.lint.json_positions import children
from sfn_local.lint.model import Definition, StateNode, entries

PATHS = (
    "InputPath",
    "OutputPath",
    "ItemsPath",
    "SecondsPath",
    "TimestampPath",
    "TimeoutSecondsPath",
    "HeartbeatSecondsPath",
    "MaxConcurrencyPath",
    "ToleratedFailureCountPath",
    "ToleratedFailurePercentagePath",
)
OF_NUMBERS = (  # of a Map state, by the object that has them
    ((), "MaxConcurrencyPath"),
    ((), "ToleratedFailureCountPath"),
    ((), "ToleratedFailurePercentagePath"),
    (("ItemReader", "ReaderConfig"), "MaxItemsPath"),
    (("ItemBatcher",), "MaxItemsPerBatchPath"),
    (("ItemBatcher",), "MaxInputBytesPerBatchPath"),
)
EXPRESSIONS = ("ErrorPath", "CausePath")
TEMPLATES = ("Parameters", "ResultSelector", "ItemSelector", "Assign", "Credentials")
ITEM_TEMPLATES = ("Parameters", "ItemSelector")

LOOKS_LIKE_EXPRESSION = re.compile(r"\$(\$?$|\$?[.\[])|States\.[A-Z]\w+\(")
VARIABLE = re.compile(r"\$[A-Za-z_]\w*")

CONTEXT: dict[str, tuple[str, ...]] = {
    "Execution": ("Id", "Input", "Name", "RoleArn", "StartTime", "RedriveCount", "RedriveTime"),
    "State": ("EnteredTime", "Name", "RetryCount"),
    "StateMachine": ("Id", "Name"),
    "Task": ("Token",),
    "Map": ("Item",),
}
ITEM = ("Index", "Value", "Key", "Source")


def check(definition: Definition, report: Report) -> None:
    """Look at the expressions of every state."""
    for state in definition.states:
        if state.is_jsonata:
            _check_braces(state.fields, state.pointer, report)
        else:
            _Expressions(state, report).check()


def _check_braces(value: Json, pointer: str, report: Report) -> None:
    if isinstance(value, str):
        if value.startswith("{%") != value.endswith("%}"):
            report.add("jsonata-braces", pointer, "one of {% and %} is missing")
        return
    for where, name, inner in children(value, pointer):
        if name not in INNER_SCOPES:
            _check_braces(inner, where, report)


class _Expressions:
    """The expressions of one JSONPath state."""

    def __init__(self, state: StateNode, report: Report) -> None:
        self._state = state
        self._report = report

    def check(self) -> None:
        fields, pointer = self._state.fields, self._state.pointer
        for name in PATHS:
            self._path(fields.get(name), f"{pointer}/{name}", name)
        for name in EXPRESSIONS:
            if name in fields:
                self._expression(fields[name], f"{pointer}/{name}", has_item=False)
        for name in TEMPLATES:
            if name in fields:
                has_item = self._state.type == "Map" and name in ITEM_TEMPLATES
                self._template(fields[name], f"{pointer}/{name}", has_item=has_item)
        self._reference_paths()
        for position, choice in entries(fields.get("Choices")):
            self._choice(choice, f"{pointer}/Choices/{position}")
        self._item_templates()

    def _item_templates(self) -> None:
        for holder, name in (
            ("ItemReader", "Parameters"),
            ("ResultWriter", "Parameters"),
            ("ItemBatcher", "BatchInput"),
        ):
            fields = self._state.fields.get(holder)
            if isinstance(fields, dict) and name in fields:
                pointer = f"{self._state.pointer}/{holder}/{name}"
                self._template(fields[name], pointer, has_item=False)

    def _reference_paths(self) -> None:
        fields, pointer = self._state.fields, self._state.pointer
        self._reference_path(fields.get("ResultPath"), f"{pointer}/ResultPath")
        for position, catcher in entries(fields.get("Catch")):
            where = f"{pointer}/Catch/{position}/ResultPath"
            self._reference_path(catcher.get("ResultPath"), where)
        if self._state.type == "Map":
            self._number_paths()

    def _number_paths(self) -> None:
        for holders, name in OF_NUMBERS:
            holder: Json = self._state.fields
            for part in holders:
                holder = holder.get(part) if isinstance(holder, dict) else None
            text = holder.get(name) if isinstance(holder, dict) else None
            if isinstance(text, str) and text.startswith("$$"):
                pointer = "/".join((self._state.pointer, *holders, name))
                self._not_a_reference(text, pointer)

    def _not_a_reference(self, text: Json, pointer: str) -> None:
        message, refusal = f"{text} is not a Reference Path", "Value is not a Reference Path"
        self._report.add("reference-path", pointer, message, refusal=refusal)

    def _reference_path(self, text: Json, pointer: str) -> None:
        path = self._path(text, pointer, "ResultPath")
        if path is not None and not path.is_reference:
            self._not_a_reference(text, pointer)

    def _choice(self, rule: dict[str, Json], pointer: str) -> None:
        for name, value in rule.items():
            where = f"{pointer}/{name}"
            if name == "Variable" or name.endswith("Path"):
                self._path(value, where, name)
            elif name == "Not" and isinstance(value, dict):
                self._choice(value, where)
            elif name in ("And", "Or"):
                for position, inner in entries(value):
                    self._choice(inner, f"{where}/{position}")

    def _path(self, text: Json, pointer: str, name: str) -> Path | None:
        if not isinstance(text, str):
            return None
        try:
            path = parse_path(_without_variables(text))
        except PathSyntaxError as error:
            self._report.add("path-syntax", pointer, f"{name}: {error}")
            return None
        self._context(path, pointer, has_item=False)
        return path

    def _template(self, value: Json, pointer: str, *, has_item: bool) -> None:
        if isinstance(value, str) and LOOKS_LIKE_EXPRESSION.match(value):
            name = pointer.rpartition("/")[2]
            message = f"{name} holds the text {value}, not what it leads to"
            self._report.add("dollar-missing", pointer, message)
        for where, name, inner in children(value, pointer):
            if name.endswith(".$"):
                self._expression(inner, where, has_item=has_item)
            else:
                self._template(inner, where, has_item=has_item)

    def _expression(self, text: Json, pointer: str, *, has_item: bool) -> None:
        holder, _, name = pointer.rpartition("/")
        says: dict[str, Any] = {
            "refusal": f"The value for the field '{name}' must be a valid JSONPath or a valid "
            "intrinsic function call",
            "refused_at": holder if name.endswith(".$") else pointer,
        }
        if not isinstance(text, str) or not text.startswith(("$", "States.")):
            message = f"{text!r} is neither a path nor an intrinsic function"
            self._report.add("dollar-literal", pointer, message, **says)
            return
        try:
            expression = parse_expression(_without_variables(text))
        except PathSyntaxError as error:
            rule = "intrinsic" if text.startswith("States.") else "path-syntax"
            self._report.add(rule, pointer, str(error), **says)
            return
        if text == "$$" and self._state.type == "Pass":
            message = f"the state {self._state.name} keeps a copy of the whole context"
            self._report.add("context-copied", pointer, message)
        for path in _paths(expression):
            self._context(path, pointer, has_item=has_item)

    def _context(self, path: Path, pointer: str, *, has_item: bool) -> None:
        if not path.of_context:
            return
        names = [segment.name for segment in path.segments if isinstance(segment, Name)]
        if names[:2] == ["Map", "Item"] and not (self._state.inside_map or has_item):
            self._report.add("map-item-outside", pointer, f"there is no item for {path.text}")
        known: tuple[str, ...] = tuple(CONTEXT)
        inner = (known, CONTEXT.get(names[0], ()) if names else (), ITEM)
        depth = len(inner) if names[:2] == ["Map", "Item"] else 2
        for name, candidates in zip(names[:depth], inner, strict=False):
            if candidates and name not in candidates:
                message = f"the context object has no {name} at {path.text}"
                self._report.add("context-field", pointer, message)
                return


def _without_variables(text: str) -> str:
    """The text with `$name.field` read as `$.field`, which has the same syntax."""
    return VARIABLE.sub("$", text)


def _paths(expression: Path | Call) -> Iterator[Path]:
    if isinstance(expression, Path):
        yield expression
        return
    for argument in expression.arguments:
        if isinstance(argument, (Path, Call)):
            yield from _paths(argument)
