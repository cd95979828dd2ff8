"""Evaluates an expression as AWS does, and says in AWS's words why it cannot."""

import math
import uuid
from collections.abc import Callable
from datetime import datetime
from typing import Any

from sfn_local.dataflow.jsonata.functions import FunctionFailure, aws_functions
from sfn_local.document import Json
from sfn_local.language.jsonata import (
    NOTHING,
    Function,
    InternalError,
    JsonataError,
    LimitError,
    Node,
    Run,
    message_of,
    parse,
)
from sfn_local.language.jsonata.limits import TOO_DEEP, TOO_LARGE
from sfn_local.language.jsonata.values import number, shortest

__all__ = ["EvaluationError", "evaluate", "find_fault", "parse"]


class EvaluationError(Exception):
    """An expression has no value; the text is the end of AWS's sentence about it."""


def find_fault(text: str) -> tuple[int, str] | None:
    """Return where an expression is malformed, counted from 0, and why; None if it is not."""
    try:
        parse(text)
    except JsonataError as error:
        return min(error.position or 0, len(text)), message_of(error)
    except RecursionError:
        return 0, TOO_DEEP
    return None


def evaluate(
    tree: Node,
    bindings: dict[str, Any],
    random: Callable[[], float],
    now: datetime,
    event: int,
) -> Json:
    """Return the value of an expression, as JSON; the event tells internal errors apart.

    Raises:
        EvaluationError: it has none.
    """
    names = {**bindings, **aws_functions(random)}
    try:
        value = Run(names, random, now).whole(tree)
    except JsonataError as error:
        reason = f"an error during evaluation. {error.code}: {message_of(error)}"
    except FunctionFailure as error:
        reason = f"an error during evaluation. {error}"
    except LimitError as error:
        reason = f"an error during evaluation: {error}"
    except RecursionError:
        reason = f"an error during evaluation: {TOO_DEEP}"
    except MemoryError:
        reason = f"an error during evaluation: {TOO_LARGE}"
    except (InternalError, ValueError, OverflowError):
        reason = f"an internal error during evaluation. {uuid.UUID(int=event, version=4)}"
    else:
        return _result(value)
    raise EvaluationError(f"threw {reason}")


def _result(value: Any) -> Json:
    if value is NOTHING:
        raise EvaluationError("returned nothing (undefined).")
    try:
        return _plain(value)
    except TypeError:
        raise EvaluationError("returned an unsupported result type.") from None


def _plain(value: Any) -> Json:
    """Return a value of JSONata as JSON.

    Raises:
        TypeError: it is a function, or has one in it.
    """
    if isinstance(value, Function):
        raise TypeError(type(value).__name__)
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items() if item is not NOTHING}
    if isinstance(value, float):
        return number(value) if math.isfinite(value) else shortest(value)
    return None if value is NOTHING else value
