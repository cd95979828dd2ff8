"""Gives errors that pass by themselves the one name that every Retry knows."""

from collections.abc import Iterator
from contextlib import contextmanager

from sfn_cqrs.adapters.passing import is_passing
from sfn_cqrs.domain.errors import TransientError


@contextmanager
def passing_is_transient() -> Iterator[None]:
    """Raise a TransientError in the place of an error of AWS that may not come again."""
    try:
        yield
    except Exception as error:
        if is_passing(error):
            raise TransientError(f"{type(error).__name__}: {error}") from error
        raise
