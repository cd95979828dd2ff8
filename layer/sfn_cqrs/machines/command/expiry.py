"""Lets commands expire once no later version needs them."""

from sfn_cqrs import bootstrap
from sfn_cqrs.kernel.keys import ItemKey


def expire_previous(key: ItemKey, version: int) -> bool:
    """Set the ttl of the command before a version, if it is settled and its type has one.

    The latest command never expires. Neither does a command that is open.

    The latest command never expires, and neither does anything open.
    """
    previous = version - 1
    if previous == 0 or not bootstrap.commands().expires(key.type):
        return False
    process = bootstrap.processes().find(key, previous)
    is_settled = process is None or process.outcome.is_settled
    return is_settled and bootstrap.commands().expire(key, previous)
