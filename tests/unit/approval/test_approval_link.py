import base64
import json

import pytest

from sfn_cqrs.kernel.errors import ExpiredError, InvalidLinkError
from sfn_cqrs.machines.approval.link import ApprovalLink
from sfn_cqrs_tools.testing.builders import RELEASE

SECRET = b"a secret"
NOON = 1795608000
LINK = ApprovalLink(RELEASE, "hanako", "operator", NOON + 60, "a digest")


def read(text, id_=RELEASE.id, secret=SECRET, now=NOON):
    return ApprovalLink.read(text, id_, secret, now)


def test_a_link_is_read_as_it_was_made():
    assert read(LINK.signed(SECRET)) == LINK


def test_no_two_links_are_alike():
    assert LINK.signed(SECRET) != LINK.signed(SECRET)


def test_a_link_fits_into_a_query_string_as_it_is():
    assert set(LINK.signed(SECRET)) <= set(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_."
    )


def test_a_link_ends_at_its_moment():
    text = LINK.signed(SECRET)

    assert read(text, now=NOON + 59.9) == LINK
    with pytest.raises(ExpiredError, match="ask for another one"):
        read(text, now=NOON + 60)


def changed(text, **fields):
    payload, _, signature = text.partition(".")
    content = json.loads(base64.urlsafe_b64decode(payload + "==")) | fields
    other = base64.urlsafe_b64encode(json.dumps(content).encode()).decode().rstrip("=")
    return f"{other}.{signature}"


@pytest.mark.parametrize(
    "forge",
    [
        lambda text: changed(text, approver="taro"),
        lambda text: changed(text, tenant="tenant2"),
        lambda text: changed(text, expires=NOON + 999),
        lambda text: text[:-1] + ("A" if text[-1] != "A" else "E"),
        lambda text: text.partition(".")[0],
        lambda text: text.partition(".")[0] + ".",
        lambda text: "." + text.partition(".")[2],
        lambda text: text + "é",
        lambda text: "\ud800" + text,
        lambda _: "",
        lambda _: ".",
        lambda _: "a.b.c",
    ],
)
def test_a_forged_link_is_refused(forge):
    with pytest.raises(InvalidLinkError) as refused:
        read(forge(LINK.signed(SECRET)))

    assert refused.value.code == "invalid_link"


def test_a_link_of_another_secret_is_refused():
    with pytest.raises(InvalidLinkError):
        read(LINK.signed(b"another"))


def test_a_link_opens_no_other_approval():
    with pytest.raises(InvalidLinkError):
        read(LINK.signed(SECRET), id_="a-01KAXK3V9Q0M3W8C5R6T7Y8Z9A")
