"""A test of the whole stack: a week passes, and nobody decides on a release."""

import time

from sfn_cqrs.approvals import ApprovalService
from sfn_cqrs.commands import CommandService, DataService

WEEK = 7 * 86_400


def eventually(is_true, seconds=60):
    until = time.monotonic() + seconds
    while not is_true():
        assert time.monotonic() < until
        time.sleep(0.05)


def test_an_order_that_nobody_releases_is_held(quick_stack):
    large = {"customer": "ada", "total": 1200}
    orders = DataService("tenant1")
    with quick_stack() as stack:
        CommandService("tenant1").publish_sync("ORDER", "o-1", name="Large", attributes=large)
        ApprovalService("tenant1").request("ORDER_RELEASE", subject="o-1")

        stack.leap(WEEK)

        eventually(lambda: orders.get("ORDER", "o-1").version == 2)  # its machine applies it
        assert orders.get("ORDER", "o-1").attributes["release"] == "held: expired"
