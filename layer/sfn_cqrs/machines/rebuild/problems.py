"""Keeps the problems of rebuilds: which item failed, and which row differs."""

from sfn_cqrs import bootstrap
from sfn_cqrs.kernel.clock import iso
from sfn_cqrs.kernel.read_models.rules import Problem, ProblemKey, Segment


def keep(segment: Segment, what: str, error: str, cause: str = "") -> None:
    """Keep a problem of an attempt at a segment, once.

    Args:
        segment: the segment as its attempt has it.
        what: an item at a version, or a row's place.
        error: the problem in a word.
        cause: the details.
    """
    key = ProblemKey(segment.problems_pk, what)
    at = iso(bootstrap.now())
    problem = Problem(key=key, what=what, error=error, cause=cause, updated_at=at)
    bootstrap.problems().create(problem)
