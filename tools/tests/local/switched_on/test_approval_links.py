"""Approval links on the local stack, with a secret of its Secrets Manager."""

from functools import partial
from urllib.parse import urlencode

import pytest
from tests.support.over_http import fetch

from sfn_cqrs.machines.approval.service import ApprovalService

pytestmark = pytest.mark.stack
FORM = {"content-type": "application/x-www-form-urlencoded"}


def test_somebody_decides_by_a_link_without_signing_in(stack):
    order = {"type": "ORDER", "code": "o-1", "name": "Order", "attributes": {"customer": "ada"}}
    fetch(f"{stack.http}/commands", body=order)
    asked = {"type": "ORDER_RELEASE", "subject": "o-1"}
    id_ = fetch(f"{stack.http}/approvals", {"x-user": "taro"}, asked).json["id"]
    url = ApprovalService("tenant1").link(id_, "hanako", {"operator"}, base_url=stack.http)
    form = {"token": url.partition("token=")[2], "decision": "approve", "reason": "as agreed"}
    send = urlencode(form).encode()

    opened = [fetch(url).status, fetch(url).status]
    decide = partial(fetch, url.partition("?")[0], FORM)
    decided, again = decide(send), decide(send)
    other = decide(send.replace(b"approve", b"reject"))
    shown = fetch(f"{stack.http}/approvals/{id_}")

    assert opened == [200, 200]
    assert (decided.status, "It is granted" in decided.text) == (200, True)
    assert (again.status, other.status) == (200, 409)
    assert [one["by"] for one in shown.json["decisions"]] == ["hanako"]
