"""Simulates all of a package in a process of its own: PACKAGE SCHEDULES SEED."""

import os
import sys
from importlib import import_module

from sfn_cqrs.kernel.policy import MEMBERS
from sfn_cqrs.machines.command import handlers
from sfn_cqrs_tools.testing.simulation import simulate


def main(package, schedules, seed):
    os.environ["APP_PACKAGE"] = package
    if package == "shop":
        _keep_orders_in_their_hands()
    print(simulate(schedules=int(schedules), seed=int(seed)))


def _keep_orders_in_their_hands():
    """Refuse what the shop's clients never do: its list of orders has no `move`."""
    handlers.load()
    handlers.registry.access.pop("ORDER")
    order = import_module("shop.orders").Order
    more = {"unknown": "keep", "guarded": ("release", "status")}
    handlers.command_type("ORDER", model=order, publish=MEMBERS, check=_stays, **more)


def _stays(before, order):
    return None if before is None or before.customer == order.customer else "it changes hands"


if __name__ == "__main__":
    main(*sys.argv[1:])
