"""How the work of the user's code ended, as steps of sagas and items of tasks record it."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Generic, TypeVar

from sfn_cqrs.kernel.errors import InvalidInputError
from sfn_cqrs.kernel.values import Json, checked_json, size_of

S = TypeVar("S", bound=StrEnum)


@dataclass(frozen=True, slots=True)
class WorkEnding(Generic[S]):
    """With a result, with an error, or not at all."""

    status: S
    result: Json = None
    error: str | None = None
    cause: str | None = None

    @property
    def fields(self) -> dict[str, Any]:
        """The result of work, as its record has it."""
        return {
            "status": self.status,
            "result": self.result,
            "error": self.error,
            "cause": self.cause,
        }


def kept_result(value: object, limit: int, refusal: type[Exception], most: str) -> Json:
    """Return the result of the user's code, if it can be stored; `most` is the limit.

    Raises:
        Exception: the refusal; it is not JSON, or has more bytes than the limit.
    """
    try:
        result = checked_json(value, "result")
    except InvalidInputError as error:
        raise refusal(str(error)) from error
    size = size_of(result)
    if size > limit:
        raise refusal(
            f"the result has {size} bytes, and {most}; store it elsewhere and return where it is"
        )
    return result
