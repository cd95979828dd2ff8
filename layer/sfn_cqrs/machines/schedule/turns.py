"""Whose plan comes next, where many are due."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import chain, zip_longest

from sfn_cqrs.kernel.keys import tenant_of
from sfn_cqrs.kernel.sweeps import Cursor


def in_turn(due: Iterable[Cursor]) -> Iterator[Cursor]:
    """Yield one plan of each item that has some due: each tenant in turn, its oldest first.

    `due` are the keys of plans, the oldest first. All that is due of an item is published at once.
    """
    of_tenants: dict[str, dict[str, Cursor]] = defaultdict(dict)
    for key in due:
        of_tenants[tenant_of(key["pk"])].setdefault(key["pk"], key)
    rounds = zip_longest(*(each.values() for each in of_tenants.values()))
    return (key for key in chain.from_iterable(rounds) if key is not None)
