"""Fields whose values the state's data may decide, in the state's query language.

In JSONPath a number `F` has a sibling `FPath`, and a template has fields that end in `.$`; in
JSONata an expression in `{% %}` may stand for any value.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from sfn_local.dataflow.flow import uses_jsonata
from sfn_local.dataflow.jsonata import Expression, Scope, compile_value, is_expression
from sfn_local.dataflow.jsonpath import VisitSource, read_value, required_path
from sfn_local.document import Document, Json, dumps
from sfn_local.errors import DefinitionError, RuntimeFailure
from sfn_local.executions.line import Visit
from sfn_local.language.payload import compile_expression, compile_template

T_co = TypeVar("T_co", covariant=True)
N = TypeVar("N", int, float)

HUNDRED = 100
INTEGER = re.compile(r"-?\d{1,18}")
NUMBER = re.compile(r"-?\d{1,18}(\.\d{1,18})?")


class Field(Protocol[T_co]):
    """Returns the value of a field during a visit; None where the state lacks it."""

    def __call__(self, visit: Visit, document: Document) -> T_co | None:
        """Its value; document is the state's input, as InputPath narrows it.

        Raises:
            StateFailure: the data has no such value.
        """


class ItemTemplate(Protocol):
    """A template that also sees an item, `Map.Item` of the context."""

    def __call__(self, visit: Visit, document: Document, item: Json = None) -> Json:
        """Return the template, filled in with the data.

        Raises:
            StateFailure: a part of the data is missing.
        """


@dataclass(frozen=True, slots=True)
class Kind(Generic[N]):
    """The numbers that a field takes; the complaint is about its range."""

    name: str
    read: Callable[[Json], N | None]
    complaint: Callable[[N], str | None]


def compile_integer(
    state: dict[str, Json],
    holder: dict[str, Json],
    name: str,
    pointer: str = "",
    *,
    least: int | None = 0,
    takes_texts: bool = True,
) -> Field[int]:
    """An integer, given as such, by a path or by an expression; holder is what has the field.

    A path may lead to a text such as "2" in the fields of Map states.

    Raises:
        DefinitionError: the field has none of these.
    """
    read = _text_to_integer if takes_texts else _to_integer
    kind = Kind("integer", read, _at_least(least))
    return _compile_number(state, holder, name, pointer, kind)


def compile_percentage(state: dict[str, Json], name: str) -> Field[float]:
    """A number from 0 to 100, given as such, by a path or by an expression.

    Raises:
        DefinitionError: the field has none of these.
    """
    return _compile_number(state, state, name, "", Kind("float", _to_float, _outside_percentage))


def compile_text(state: dict[str, Json], name: str) -> Field[str]:
    """A text, given as such, by a path, by an intrinsic function or by an expression.

    Raises:
        DefinitionError: the field has none of these.
    """
    literal = state.get(name)
    if uses_jsonata(state) and is_expression(literal):
        expression = Expression(literal, name, f"/{name}")
        return lambda visit, document: str(  # noqa: ARG005 - a Field
            expression.evaluate_as(Scope(visit), "string")
        )
    path_name = f"{name}Path"
    if path_name not in state:
        return lambda visit, document: literal  # noqa: ARG005
    template = compile_expression(state[path_name], path_name, f"/{path_name}")

    def read(visit: Visit, document: Document) -> str:
        value = template(VisitSource(document.value, visit))
        if not isinstance(value, str):
            raise RuntimeFailure(f"The {path_name} field must refer to a string")
        return value

    return read


def object_in(holder: dict[str, Json], name: str, pointer: str = "") -> dict[str, Json]:
    """A field that is an object.

    Raises:
        DefinitionError: it is missing, or is none.
    """
    found = holder.get(name)
    if not isinstance(found, dict):
        raise DefinitionError(f"{name} must be an object", f"{pointer}/{name}")
    return found


def choice_in(
    holder: dict[str, Json], name: str, choices: Sequence[str], pointer: str = "", default: str = ""
) -> str:
    """A field that has one of some values; the first of them where it lacks, or the default.

    Raises:
        DefinitionError: it has another value.
    """
    value = holder.get(name, default or choices[0])
    if value not in choices:
        raise DefinitionError(f"{name} must be one of {', '.join(choices)}", f"{pointer}/{name}")
    return str(value)


def compile_arguments(
    state: dict[str, Json], holder: dict[str, Json], pointer: str
) -> ItemTemplate:
    """The Parameters, in JSONata the Arguments, of a reader or a writer.

    Raises:
        DefinitionError: they are missing or not well formed.
    """
    name = "Arguments" if uses_jsonata(state) else "Parameters"
    return compile_item_template(state, object_in(holder, name, pointer), f"{pointer}/{name}")


def compile_item_template(state: dict[str, Json], template: Json, pointer: str) -> ItemTemplate:
    """A template such as ItemSelector or BatchInput.

    Raises:
        DefinitionError: it is not well formed.
    """
    if uses_jsonata(state):
        compiled = compile_value(template, pointer.removeprefix("/"), pointer)
        return lambda visit, document, item=None: compiled(Scope(visit, item))  # noqa: ARG005
    paths = compile_template(template, pointer)
    return lambda visit, document, item=None: paths(VisitSource(document.value, visit, item))


def _compile_number(
    state: dict[str, Json], holder: dict[str, Json], name: str, pointer: str, kind: Kind[N]
) -> Field[N]:
    literal = holder.get(name)
    if uses_jsonata(state) and is_expression(literal):
        return _compile_number_expression(literal, name, f"{pointer}/{name}", kind)
    if f"{name}Path" in holder:
        return _compile_path(holder, name, pointer, kind)
    if literal is None:
        return lambda visit, document: None  # noqa: ARG005
    number = None if isinstance(literal, str) else kind.read(literal)
    complaint = f"must be a number ({kind.name})" if number is None else kind.complaint(number)
    if complaint is not None:
        raise DefinitionError(f"{name} {complaint}", f"{pointer}/{name}")
    return lambda visit, document: number  # noqa: ARG005


def _compile_number_expression(text: str, name: str, pointer: str, kind: Kind[N]) -> Field[N]:
    expression = Expression(text, pointer.removeprefix("/"), pointer)

    def read(visit: Visit, document: Document) -> N:  # noqa: ARG001
        scope = Scope(visit)
        value = expression.evaluate_as(scope, "number")
        number = kind.read(int(value) if value == int(value) else value)
        if number is None:
            raise expression.failure(scope, f"returned {dumps(value)}, which is no {kind.name}.")
        complaint = kind.complaint(number)
        if complaint is not None:
            raise visit.query_failure(f"{name} {complaint}.", expression.location)
        return number

    return read


def _compile_path(holder: dict[str, Json], name: str, pointer: str, kind: Kind[N]) -> Field[N]:
    path_name = f"{name}Path"
    if name in holder:
        message = f"only one of {name} and {path_name} can be given"
        raise DefinitionError(message, f"{pointer}/{path_name}")
    try:
        path = required_path(holder, path_name)
    except DefinitionError as error:
        raise error.within(pointer) from None

    def read(visit: Visit, document: Document) -> N:
        value = read_value(path, document, visit)
        number = kind.read(value)
        if number is None:
            text = value if isinstance(value, str) else dumps(value)
            raise RuntimeFailure(
                f'The {path_name} field refers to value "{text}" which is not a valid '
                f"{kind.name}: {path.text}"
            )
        complaint = kind.complaint(number)
        if complaint is not None:
            raise RuntimeFailure(f"{name} {complaint}.")
        return number

    return read


def _to_integer(value: Json) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _text_to_integer(value: Json) -> int | None:
    if isinstance(value, str) and INTEGER.fullmatch(value):
        return int(value)
    return _to_integer(value)


def _to_float(value: Json) -> float | None:
    if isinstance(value, str) and NUMBER.fullmatch(value):
        return float(value)
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return float(value) if is_number else None


def _at_least(least: int | None) -> Callable[[int], str | None]:
    complaint = "cannot be negative" if least == 0 else f"must be at least {least}"
    return lambda number: complaint if least is not None and number < least else None


def _outside_percentage(number: float) -> str | None:
    return None if 0 <= number <= HUNDRED else "must be between 0 and 100"
