import re

import pytest
from botocore.auth import AUTH_TYPE_MAPS, SigV4Auth

from sfn_cqrs_tools.runtime.fabric import session


@pytest.mark.parametrize(
    ("endpoint", "signature"),
    [("http://127.0.0.1:4566", "none"), ("https://sqs.us-east-1.amazonaws.com", "[0-9a-f]{64}")],
)
def test_only_what_leaves_this_machine_is_signed(monkeypatch, endpoint, signature):
    monkeypatch.setitem(AUTH_TYPE_MAPS, "v4", SigV4Auth)
    sqs = session().client("sqs", endpoint_url=endpoint)
    sent = []

    def answer(request, **_):
        sent.append(request.headers["Authorization"].decode())
        raise ConnectionError

    sqs.meta.events.register("before-send.sqs.ListQueues", answer)
    with pytest.raises(ConnectionError):
        sqs.list_queues()

    whose = r"AWS4-HMAC-SHA256 Credential=test/\d{8}/us-east-1/sqs/aws4_request, "
    assert re.fullmatch(rf"{whose}SignedHeaders=\S+, Signature={signature}", sent[0])
