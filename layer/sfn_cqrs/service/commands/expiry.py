"""Lets commands expire that no later version needs any more."""

from sfn_cqrs import bootstrap
from sfn_cqrs.domain.keys import ItemKey


def expire_previous(key: ItemKey, version: int) -> bool:
    """Give the command before a version its ttl, if it is settled and its type has one.

    The latest command never expires, and neither does anything open.
    """
    previous = version - 1
    if previous == 0 or not bootstrap.commands().expires(key.type):
        return False
    process = bootstrap.processes().find(key, previous)
    is_settled = process is None or process.outcome.is_settled
    return is_settled and bootstrap.commands().expire(key, previous)
