import pytest

from sfn_cqrs.care.live.channels import Subject, channel_of, live_event, named, segment, subject_of
from sfn_cqrs.kernel.errors import InvalidInputError


def a_notice(action, id_, **content):
    place = {"table": "sfn-cqrs-Table", "pk": "PK", "sk": "SK"}
    return {"action": action, "id": id_, "tenantCode": "t1", "content": content, **place}


@pytest.mark.parametrize(
    "text", ["o-1", "ORDER", "a", "x" * 50, "01M8DK6EGYN3VY67M3MKQWZHV0", "h-h"]
)
def test_what_appsync_takes_stands_as_it_is(text):
    assert segment(text) == text


@pytest.mark.parametrize(
    "text",
    ["", "-a", "a-", "a_b", "a.b", "a b", "*", "x" * 51, "日本", "a/b", "h--" + "0" * 40, "a\n"],
)
def test_what_it_does_not_take_is_a_hash_that_it_does(text):
    hashed = segment(text)

    assert hashed != text
    assert len(hashed) == 43
    assert hashed.startswith("h--")
    assert hashed == segment(text)


def test_a_hash_is_the_beginning_of_sha_256_as_clients_reckon_it():
    assert segment("ORDER_REMINDER") == "h--1fc448e97c18d32956b2505ac9f2a7ab2d324171"


@pytest.mark.parametrize(
    ("notice", "channel"),
    [
        (a_notice("command-status", "01M", type="ORDER", code="o-1"), "command/ORDER/o-1"),
        (a_notice("task-status", "b-1", taskType="MAIL"), "task/MAIL/b-1"),
        (a_notice("sub-task-status", "b-1", taskType="MAIL", index=3), "task/MAIL/b-1"),
        (a_notice("import-status", "i-1", table="airports"), "import/airports/i-1"),
        (a_notice("import-status", "z-1", table="airports"), "archive/airports/z-1"),
        (a_notice("import-status", "z-1", table=None), "archive/any/z-1"),
        (a_notice("approval-status", "a-1", type="RELEASE"), "approval/RELEASE/a-1"),
        (a_notice("saga-status", "g-1", saga="order-saga"), "saga/order-saga/g-1"),
    ],
)
def test_each_notice_has_its_channel(notice, channel):
    event = live_event(notice)

    assert event.channel == f"/live/t1/{channel}"
    assert event.content == {
        "action": notice["action"],
        "id": notice["id"],
        "content": notice["content"],
    }


def test_what_cannot_be_a_segment_is_hashed_wherever_it_stands():
    assert channel_of("my.tenant", "command", "STOCK_ITEM", "a/b").split("/") == [
        "",
        "live",
        segment("my.tenant"),
        "command",
        segment("STOCK_ITEM"),
        segment("a/b"),
    ]


def test_a_channel_says_what_it_is_about():
    assert subject_of("/live/t1/command/ORDER/*") == Subject("t1", "command", "ORDER", "*")


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/live",
        "/live/*",
        "/live/t1/*",
        "/live/t1/command/*",
        "/live/t1/command/ORDER",
        "/live/t1/command/ORDER/o-1/x",
        "live/t1/command/ORDER/o-1",
        "/other/t1/command/ORDER/o-1",
    ],
)
def test_what_is_no_channel_is_told_how_one_looks(path):
    with pytest.raises(InvalidInputError, match="ask for /live/TENANT/KIND/TYPE/ID"):
        subject_of(path)


def test_a_hash_stands_for_the_name_that_has_it():
    assert named(segment("STOCK_ITEM"), ["ORDER", "STOCK_ITEM"]) == "STOCK_ITEM"
    assert named("ORDER", ["ORDER", "STOCK_ITEM"]) == "ORDER"
    assert named("OTHER", ["ORDER", "STOCK_ITEM"]) is None
