"""A test of the whole stack: a week passes, and nobody decides on a release."""

import time

from sfn_cqrs.service.approvals.service import ApprovalService
from sfn_cqrs.service.commands.service import CommandService
from sfn_cqrs.service.data import DataService

WEEK = 7 * 86_400


def eventually(is_true, seconds=60):
    until = time.monotonic() + seconds
    while not is_true():
        assert time.monotonic() < until
        time.sleep(0.05)


def test_an_order_that_nobody_releases_is_held(quick_stack):
    approvals, large = ApprovalService("tenant1"), {"customer": "ada", "total": 1200}
    with quick_stack() as stack:
        CommandService("tenant1").publish_sync("ORDER", "o-1", name="Large", attributes=large)
        id_ = approvals.request("ORDER_RELEASE", subject="o-1")

        stack.leap(WEEK)
        eventually(lambda: approvals.get(id_).stage.is_closed)

        order = DataService("tenant1").get("ORDER", "o-1")
        assert order.attributes["release"] == "held: expired"
