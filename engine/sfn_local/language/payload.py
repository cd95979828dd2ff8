"""Payload templates: Parameters, ItemSelector, ResultSelector.

A template is JSON in which a field whose name ends in `.$` takes its value from a path or an
intrinsic function.
"""

from collections.abc import Callable
from typing import Protocol

from sfn_local.document import Json, dumps
from sfn_local.errors import DefinitionError, NotFound, RuntimeFailure
from sfn_local.language.intrinsics import Call, parse_expression
from sfn_local.language.intrinsics.functions import IntrinsicError
from sfn_local.language.jsonpath import Path, PathNotFound, PathSyntaxError

DYNAMIC = ".$"


class Source(Protocol):
    """Where a template takes its values from."""

    def read(self, path: Path) -> Json:
        """Return the value that a path leads to.

        Raises:
            PathNotFound: it leads nowhere.
        """

    def random(self) -> float:
        """A number in [0, 1)."""

    @property
    def data(self) -> Json:
        """Return the value of `$`."""


Template = Callable[[Source], Json]


def compile_template(value: Json, pointer: str = "") -> Template:
    """A template from its JSON.

    Raises:
        DefinitionError: a field ending in `.$` has no path and no call for a value.
    """
    if not is_dynamic(value):
        return lambda _: value
    if isinstance(value, list):
        items = [compile_template(item, f"{pointer}/{i}") for i, item in enumerate(value)]
        return lambda source: [item(source) for item in items]
    fields = [_compile_field(name, field, pointer) for name, field in value.items()]
    return lambda source: {name: field(source) for name, field in fields}


def is_dynamic(value: Json) -> bool:
    """Whether a template has a field ending in `.$`."""
    if isinstance(value, dict):
        return any(name.endswith(DYNAMIC) or is_dynamic(field) for name, field in value.items())
    return isinstance(value, list) and any(is_dynamic(item) for item in value)


def compile_expression(text: Json, field: str, pointer: str = "") -> Template:
    """Return the function that computes the field from a path or an intrinsic function.

    Raises:
        DefinitionError: the text is neither.
    """
    if not isinstance(text, str):
        raise DefinitionError(f"'{field}' needs a path or an intrinsic function", pointer)
    try:
        expression = parse_expression(text)
    except PathSyntaxError as error:
        raise DefinitionError(str(error), pointer) from None
    if isinstance(expression, Call):
        return lambda source: _evaluate(expression, field, source)
    return lambda source: _read(expression, field, source)


def _compile_field(name: str, value: Json, pointer: str) -> tuple[str, Template]:
    pointer = f"{pointer}/{name}"
    if name.endswith(DYNAMIC):
        return name.removesuffix(DYNAMIC), compile_expression(value, name, pointer)
    return name, compile_template(value, pointer)


def _read(path: Path, field: str, source: Source) -> Json:
    try:
        return source.read(path)
    except PathNotFound:
        raise NotFound(
            f"The JSONPath '{path.text}' specified for the field '{field}' could not be found "
            f"in the input '{dumps(source.data)}'"
        ) from None


def _evaluate(call: Call, field: str, source: Source) -> Json:
    try:
        return call.evaluate(lambda path: _read(path, field, source), source.random)
    except IntrinsicError as error:
        raise RuntimeFailure(str(error)) from None
