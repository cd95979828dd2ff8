"""Routes without a token: the bytes as they were sent, and the signatures of who sends them."""

import base64
import hashlib
import hmac
from datetime import timedelta

import pytest
from botocore.exceptions import ClientError
from functions.api.receive_webhook.app import lambda_handler

from sfn_cqrs import bootstrap
from sfn_cqrs.api import declared
from sfn_cqrs.kernel.aws.app_secrets import AppSecrets
from sfn_cqrs.kernel.parts import DEPLOYED
from sfn_cqrs.kernel.policy import MEMBERS
from sfn_cqrs.routes import Asked, check_signature, route, secret, setting

SECRET = "not-a-real-secret"
BODY = '{"id": "evt_1",  "amount": 1200}'


@pytest.fixture(autouse=True)
def _registry(monkeypatch):
    monkeypatch.setattr(declared, "_routes", {})


def signed(text, key=SECRET):
    return hmac.new(key.encode(), text.encode(), hashlib.sha256).hexdigest()


def a_webhook(**how):
    @route("POST", "/webhooks/bank", raw=True, token=None)
    def hear_bank(asked: Asked):
        check_signature(asked, SECRET, **{"header": "X-Signature", "prefix": "sha256=", **how})
        return {"bytes": len(asked.raw), "who": [asked.tenant, asked.user], "body": asked.body}


def test_it_is_sent_without_a_token_and_its_bytes_are_signed(call):
    a_webhook()
    headers = {"X-Signature": f"sha256={signed(BODY)}"}

    answer = call("POST", "/webhooks/bank", BODY, headers=headers)
    again = call("POST", "/webhooks/bank", BODY, headers=headers, is_base64=True)

    assert (answer.status, again.body) == (200, answer.body)
    assert answer.body == {"bytes": len(BODY), "who": ["", ""], "body": {}}


def test_another_body_another_secret_and_no_signature_are_refused(call):
    a_webhook()

    for body, headers, said in (
        (BODY + " ", {"x-signature": f"sha256={signed(BODY)}"}, "no signature in X-Signature"),
        (BODY, {"x-signature": f"sha256={signed(BODY, 'other')}"}, "no signature in"),
        (BODY, {"x-signature": signed(BODY)}, "no signature in"),
        (BODY, {"x-signature": "sha256="}, "no signature in"),
        (BODY, {}, "the header X-Signature is missing"),
    ):
        refused = call("POST", "/webhooks/bank", body, headers=headers)

        assert (refused.status, refused.body["code"]) == (401, "bad_signature")
        assert said in refused.body["detail"]
        assert signed(BODY) not in refused.text


def test_an_old_or_future_request_is_refused_whoever_signed_it(call):
    a_webhook(signs="{timestamp}.{body}", timestamp="x-time")
    now = int(DEPLOYED.now().timestamp())

    for sent, status in ((now, 200), (now - 299, 200), (now - 302, 401), (now + 302, 401)):
        headers = {"x-time": str(sent), "x-signature": f"sha256={signed(f'{sent}.{BODY}')}"}
        assert call("POST", "/webhooks/bank", BODY, headers=headers).status == status
    moved = {"x-time": str(now), "x-signature": f"sha256={signed(f'{now - 900}.{BODY}')}"}
    assert call("POST", "/webhooks/bank", BODY, headers=moved).status == 401
    no_time = {"x-time": "soon", "x-signature": f"sha256={signed(f'soon.{BODY}')}"}
    assert call("POST", "/webhooks/bank", BODY, headers=no_time).status == 401


def test_senders_sign_in_several_ways(world):  # noqa: ARG001 - it has the clock
    now = str(int(DEPLOYED.now().timestamp()))
    digest = hmac.new(SECRET.encode(), f"m1.{now}.{BODY}".encode(), hashlib.sha256).digest()
    raw = BODY.encode()
    at_once = {"stripe-signature": f"t={now},v1=00,v1={signed(f'{now}.{BODY}')}"}
    named = {
        "webhook-id": "m1",
        "webhook-timestamp": now,
        "webhook-signature": f"v1,{base64.b64encode(digest).decode()}",
    }
    while_changed = {"x-hub-signature-256": f"sha256={signed(BODY)}"}

    check_signature(
        Asked(headers=at_once, raw=raw),
        SECRET,
        header="stripe-signature",
        prefix="v1=",
        signs="{timestamp}.{body}",
        timestamp="stripe-signature",
    )
    check_signature(
        Asked(headers=named, raw=raw),
        SECRET.encode(),
        header="webhook-signature",
        signs="{webhook-id}.{timestamp}.{body}",
        timestamp="webhook-timestamp",
        tolerance=timedelta(seconds=30),
    )
    check_signature(
        Asked(headers=while_changed, raw=raw),
        ["the-next", SECRET],
        header="x-hub-signature-256",
        prefix="sha256=",
    )


@pytest.mark.parametrize("secrets", ["", [], [SECRET, ""], b""])
def test_an_empty_secret_opens_nothing(secrets):
    asked = Asked(headers={"x-signature": signed(BODY, "")}, raw=BODY.encode())

    with pytest.raises(ValueError, match="a secret is empty"):
        check_signature(asked, secrets, header="x-signature")


@pytest.mark.parametrize("how", [{"timestamp": "x-time"}, {"signs": "{timestamp}{body}"}])
def test_a_time_that_nobody_signs_is_not_looked_at(how):
    with pytest.raises(ValueError, match="need each other"):
        check_signature(Asked(), SECRET, header="x-signature", **how)


@pytest.mark.parametrize(
    ("method", "path", "how"),
    [
        ("POST", "/bank", {"raw": True, "token": None}),
        ("GET", "/webhooks/bank", {"raw": True, "token": None}),
        ("POST", "/webhooks/bank", {"token": None}),
        ("POST", "/webhooks/bank", {"raw": True, "token": None, "allow": MEMBERS}),
        ("POST", "/webhooks/bank", {"allow": MEMBERS}),
    ],
    ids=["elsewhere", "GET", "not raw", "allow", "with a token"],
)
def test_a_route_without_a_token_is_where_no_token_is_asked_for(method, path, how):
    with pytest.raises(ValueError, match="token=None"):
        route(method, path, **how)


def test_what_has_a_token_is_not_served_without_one_and_a_webhook_is_no_route_with_one(sample):
    @route("POST", "/birds", allow=MEMBERS, raw=True)
    def see_birds(_asked):
        return {}

    a_webhook()
    event = sample("api/receive_webhook") | {"rawPath": "/birds"}
    event["requestContext"]["http"] |= {"path": "/birds"}

    assert lambda_handler(event, None)["statusCode"] == 404


def test_a_raw_route_with_a_token_gets_no_token_and_its_sender(call):
    @route("POST", "/birds", allow=MEMBERS, raw=True)
    def see_birds(asked):
        return {"names": sorted(asked.headers), "raw": asked.raw.decode(), "who": asked.user}

    found = call("POST", "/birds", "no JSON", headers={"Authorization": "Bearer x", "X-A": "1"})

    assert (found.status, found.body["raw"], found.body["who"]) == (200, "no JSON", "taro")
    assert "authorization" not in found.body["names"]
    assert "x-a" in found.body["names"]


def test_what_is_asked_shows_neither_headers_nor_bytes():
    assert SECRET not in repr(Asked(headers={"x": SECRET}, raw=SECRET.encode()))


@pytest.fixture
def _settings(monkeypatch):
    monkeypatch.setenv("APP_SETTINGS", "STACK=clinic\n  LABELS=a-bucket=1")
    bootstrap.reset()
    yield
    bootstrap.reset()


@pytest.mark.usefixtures("_settings")
def test_a_setting_is_what_the_template_says():
    assert (setting("STACK"), setting("LABELS")) == ("clinic", "a-bucket=1")
    with pytest.raises(LookupError, match="no RATE=…; it has: LABELS, STACK"):
        setting("RATE")


@pytest.mark.usefixtures("_settings")
def test_a_secret_is_read_once_in_five_minutes(world):
    class Ssm:
        def __init__(self):
            self.asked = []

        def get_parameter(self, Name, WithDecryption):  # noqa: N803 - as boto3 names them
            self.asked.append(Name)
            if Name == "/clinic/busy":
                raise ClientError({"Error": {"Code": "ThrottlingException"}}, "GetParameter")
            if not WithDecryption or Name != "/clinic/bank":
                raise ClientError({"Error": {"Code": "ParameterNotFound"}}, "GetParameter")
            return {"Parameter": {"Value": f"value {len(self.asked)}"}}

    ssm = Ssm()
    with bootstrap.override(app_secrets=AppSecrets(lambda: ssm, world.clock)):
        assert (secret("bank"), secret("bank")) == ("value 1", "value 1")
        world.clock.advance(minutes=5)
        assert secret("bank") == "value 2"
        with pytest.raises(LookupError, match="has no /clinic/other: aws ssm put-parameter"):
            secret("other")
        with pytest.raises(ClientError, match="Throttling"):
            secret("busy")
