"""Approval links on the local stack, with a secret of its Secrets Manager."""

import json
import urllib.error
import urllib.request
from urllib.parse import urlencode

import pytest

from sfn_cqrs.service.approvals.service import ApprovalService

pytestmark = pytest.mark.stack


def ask(url, data=None, **headers):
    """The status and the text of an answer."""
    request = urllib.request.Request(url, data, headers)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def test_somebody_decides_by_a_link_without_signing_in(stack):
    order = {"type": "ORDER", "code": "o-1", "name": "Order", "attributes": {"customer": "ada"}}
    ask(f"{stack.http}/commands", json.dumps(order).encode())
    body = json.dumps({"type": "ORDER_RELEASE", "subject": "o-1"}).encode()
    _, created = ask(f"{stack.http}/approvals", body, **{"x-user": "taro"})
    id_ = json.loads(created)["id"]
    url = ApprovalService("tenant1").link(id_, "hanako", {"operator"}, base_url=stack.http)
    form = {"token": url.partition("token=")[2], "decision": "approve", "reason": "as agreed"}
    send = urlencode(form).encode()

    opened = [ask(url)[0], ask(url)[0]]
    decided = ask(
        url.partition("?")[0], send, **{"content-type": "application/x-www-form-urlencoded"}
    )
    again = ask(
        url.partition("?")[0], send, **{"content-type": "application/x-www-form-urlencoded"}
    )
    other = ask(
        url.partition("?")[0],
        send.replace(b"approve", b"reject"),
        **{"content-type": "application/x-www-form-urlencoded"},
    )
    _, shown = ask(f"{stack.http}/approvals/{id_}")

    assert opened == [200, 200]
    assert (decided[0], "It is granted" in decided[1]) == (200, True)
    assert (again[0], other[0]) == (200, 409)
    assert [one["by"] for one in json.loads(shown)["decisions"]] == ["hanako"]
