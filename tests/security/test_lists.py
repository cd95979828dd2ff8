"""Lists and bodies in bytes: nothing that is stored can make a list unreadable."""

import base64
import json
from typing import Any
from unittest import mock

import pytest
from aws_lambda_powertools.event_handler import Response
from hypothesis import given
from hypothesis import strategies as st
from tests.support.system import API, TENANT, silent
from tests.support.whole_system import WholeSystem

from sfn_cqrs.kernel.command import MAX_ATTRIBUTES_BYTES
from sfn_cqrs.kernel.errors import AnswerTooLargeError, AttributesTooLargeError
from sfn_cqrs.kernel.http.http import MAX_BODY_BYTES
from sfn_cqrs.kernel.http.request import MAX_ANSWER_BYTES, MAX_TEXT_BYTES, sendable
from sfn_cqrs.kernel.tables import paging
from sfn_cqrs.kernel.tables.paging import (
    MAX_LIMIT,
    MAX_PAGE_BYTES,
    Page,
    Range,
    bytes_of,
    fitting,
    page_of,
)
from sfn_cqrs.machines.command.service import CommandService

LAMBDA = 6 * 1024 * 1024
ENVELOPE = 64 * 1024
"""More than an event has beside its body: API Gateway takes 10 KB of headers."""
ROOM = 300_000


@given(st.lists(st.integers(0, 400_000), max_size=12), st.integers(1, 5))
def test_pages_of_any_sizes_have_every_item_once_and_in_order(sizes: list[int], limit: int) -> None:
    stored = [{"sk": f"K#{place:03}", "text": "x" * size} for place, size in enumerate(sizes)]
    pages, cursor = [], None
    with mock.patch.object(paging, "MAX_PAGE_BYTES", ROOM):
        while True:
            wanted = Range("pk", "K#", limit, cursor)
            behind = wanted.start_sk() or ""
            page = page_of([item for item in stored if item["sk"] > behind], wanted)
            pages.append(page.items)
            cursor = page.next_cursor
            if cursor is None:
                break

    assert [item for page in pages for item in page] == stored
    assert all(len(page) <= limit for page in pages)
    assert all(len(page) == 1 or sum(map(bytes_of, page)) <= ROOM for page in pages if page)


@given(st.lists(st.integers(0, 400_000), min_size=1, max_size=9), st.integers(1, 5))
def test_what_fits_is_the_beginning_and_never_nothing(sizes: list[int], limit: int) -> None:
    with mock.patch.object(paging, "MAX_PAGE_BYTES", ROOM):
        taken = fitting(sizes, limit, lambda size: size)

    assert taken == sizes[: len(taken)]
    assert 1 <= len(taken) <= limit
    assert len(taken) == 1 or sum(taken) <= ROOM
    more = sizes[: len(taken) + 1]
    assert len(taken) in (limit, len(sizes)) or sum(more) > ROOM


def test_a_page_has_room_for_what_an_answer_adds_to_each_item() -> None:
    stored = [{"sk": f"K#{place:03}"} for place in range(MAX_LIMIT)]
    with mock.patch.object(paging, "MAX_PAGE_BYTES", 10_000):
        page = page_of(stored, Range("pk", "K#", MAX_LIMIT))

    assert len(page.items) == 4


def test_what_lies_elsewhere_is_loaded_one_by_one_and_no_further_than_the_page() -> None:
    loaded = []

    def load(item: dict[str, Any]) -> dict[str, Any]:
        loaded.append(item["sk"])
        return item | {"text": "x" * 4_000_000}

    page = page_of([{"sk": f"K#{place}"} for place in range(100)], Range("pk", "K#"), load)

    assert [item["sk"] for item in page.items] == ["K#0"]
    assert loaded == ["K#0", "K#1"]


def walked(system: WholeSystem, path: str, query: str = "", **who: str) -> list[dict[str, Any]]:
    """Every item of a list, page by page, each answer of which Lambda can send."""
    items, cursor = [], ""
    while True:
        asked = "&".join(filter(None, (query, "limit=100", cursor and f"cursor={cursor}")))
        answer = system.ask("GET", path, query=asked, **who)
        assert len(json.dumps(answer)) < 2 * ROOM
        items += answer["items"]
        cursor = answer.get("nextCursor", "")
        if not cursor:
            return items


@pytest.fixture
def system() -> Any:
    with silent(), mock.patch.object(paging, "MAX_PAGE_BYTES", ROOM), WholeSystem() as entered:
        yield entered


def test_lists_of_large_items_are_read_to_their_end(system: WholeSystem) -> None:
    service = CommandService(TENANT)
    for place in range(5):
        large = {"country": "JP", "text": "x" * (90_000 * place)}
        service.publish_sync("AIRPORT", f"A{place}", name="large", attributes=large)
        attributes = {"country": "JP", "text": f"{place}" * 150_000}
        service.publish_sync("AIRPORT", "NRT", name="n", attributes=attributes, version=place)
    for place in range(4):
        service.publish_sync("ORDER", f"o-{place}", name="o", attributes={"customer": "ada"})
        payload = {"text": "x" * 95_000}
        asked = {"type": "ORDER_RELEASE", "subject": f"o-{place}", "payload": payload}
        system.ask("POST", "/approvals", asked)

    rows = walked(system, "/data", "type=AIRPORT")
    history = walked(system, "/data/AIRPORT/NRT/history")
    versions = walked(system, "/commands/AIRPORT/NRT")
    everyone = walked(system, "/approvals", "status=ALL")
    still_open = walked(system, "/approvals", "status=OPEN")
    inbox = walked(system, "/approvals", user="hanako")

    assert [row["code"] for row in rows] == ["A0", "A1", "A2", "A3", "A4", "NRT"]
    assert [len(row["attributes"]["text"]) for row in rows][:5] == [
        0,
        90_000,
        180_000,
        270_000,
        360_000,
    ]
    assert [row["version"] for row in history] == [4, 3, 2, 1]
    assert [each["version"] for each in versions] == [5, 4, 3, 2, 1]
    for listed in (everyone, still_open, inbox):
        assert sorted(each["subject"] for each in listed) == ["o-0", "o-1", "o-2", "o-3"]


def test_the_results_of_a_task_are_read_to_their_end(system: WholeSystem) -> None:
    id_ = system.remind(*(f"{place}@{'x' * 31_000}" for place in range(20)))
    system.run()

    assert [item["index"] for item in walked(system, f"/tasks/{id_}")] == list(range(20))


NASTY = '"\\\n\x01é and more'


@pytest.mark.parametrize("unit", ["x", "𝒳", NASTY], ids=ascii)
def test_the_largest_item_fits_into_an_answer_and_one_byte_more_is_refused(
    system: WholeSystem, unit: str
) -> None:
    width = len(json.dumps(unit, ensure_ascii=False).encode()) - 2
    count, rest = divmod(MAX_ATTRIBUTES_BYTES - len('{"country":"JP","text":""}'), width)
    text = unit * count + "x" * rest
    service = CommandService(TENANT)
    attributes = {"country": "JP", "text": text}
    service.publish_sync("AIRPORT", "NRT", name="n" * 1024, attributes=attributes)

    sent = sent_by_lambda(system, "/data/AIRPORT/NRT")

    assert sent["attributes"] == attributes
    with pytest.raises(AttributesTooLargeError, match="have 4194305 bytes"):
        service.publish("AIRPORT", "HND", name="n", attributes=attributes | {"text": f"{text}x"})


def sent_by_lambda(system: WholeSystem, path: str) -> Any:
    """The answer to a request, as API Gateway makes it of what Lambda lets pass."""
    claims = {"custom:tenant": TENANT, "sub": "taro"}
    http = {"method": "GET", "path": path, "sourceIp": "192.0.2.1"}
    context = {"http": http, "stage": "$default", "authorizer": {"jwt": {"claims": claims}}}
    event = {"version": "2.0", "routeKey": "$default", "rawPath": path, "requestContext": context}
    answer = system.invoke(API, event)
    assert answer["statusCode"] == 200
    assert len(json.dumps(answer)) < LAMBDA
    body = answer["body"]
    return json.loads(base64.b64decode(body) if answer["isBase64Encoded"] else body)


def test_no_body_and_no_page_surprises_lambda() -> None:
    assert MAX_BODY_BYTES * 4 / 3 + ENVELOPE < LAMBDA
    assert MAX_ANSWER_BYTES * 4 / 3 + 4_096 < LAMBDA
    assert MAX_TEXT_BYTES * 6 < LAMBDA  # whatever its characters are escaped to
    assert MAX_ANSWER_BYTES - 100 * len('{"nextCursor":""}') > MAX_PAGE_BYTES
    assert MAX_ATTRIBUTES_BYTES + ENVELOPE < MAX_PAGE_BYTES


def sent(size: int) -> tuple[str, bool]:
    text = "x" * size
    response = sendable(Response(200, "application/json", text), text)
    return str(response.body), response.base64_encoded


def test_an_answer_that_cannot_be_sent_says_so() -> None:
    assert sent(MAX_TEXT_BYTES) == ("x" * MAX_TEXT_BYTES, False)
    assert sent(MAX_ANSWER_BYTES) == (base64.b64encode(b"x" * MAX_ANSWER_BYTES).decode(), True)
    with pytest.raises(AnswerTooLargeError, match=r"4700001 bytes, .* ask for less"):
        sent(MAX_ANSWER_BYTES + 1)


def test_a_list_of_no_items_is_one_empty_page() -> None:
    assert page_of([], Range("pk", "K#")) == Page([])
