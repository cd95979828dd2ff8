"""A segment of a rebuild takes the memory of a page, however many items or rows it has."""

import tracemalloc
from base64 import urlsafe_b64decode
from collections import deque

import pytest
from tests.support.proof import PROOF, deep
from tests.support.rebuilding import OPERATOR, VIEW

from sfn_cqrs import bootstrap
from sfn_cqrs.kernel.command import Audit, Content, DataRow
from sfn_cqrs.kernel.keys import ItemKey
from sfn_cqrs.kernel.read_models.items import SEGMENTS
from sfn_cqrs.kernel.read_models.rules import GenerationRow
from sfn_cqrs.kernel.tables.paging import Page, cursor_at

FEW = 500
LEFT = 10
"""Bytes an item, of 500 and more, that caches of the interpreter and of fakes may fill up with."""
PAGE = 500
VERSIONS = 5
"""Of an item, with the one that its row has."""
AUDIT = Audit("2026-11-25T12:00:00.000Z", "ada", "")


class Source:
    """Tables with so many items or rows, each of them made when it is read."""

    def __init__(self, count):
        self._count = count

    def bucket_page(self, tenant, type_, _bucket, limit, after):
        first = int(urlsafe_b64decode(after)[-7:]) + 1 if after else 0
        last = min(first + limit, self._count)
        keys = [ItemKey(tenant, type_, f"A{number:07d}") for number in range(first, last)]
        cursor = cursor_at(keys[-1].sk) if last < self._count else None
        return Page([row_of(key, VERSIONS) for key in keys], cursor)

    def count_bucket(self, *_):
        return self._count

    def later(self, key, version, _limit):
        return Page([row_of(key, each) for each in range(version + 1, VERSIONS)])

    def page(self, generations, _segment, cursor):
        first = int(cursor or 0)
        last = min(first + PAGE, self._count)
        rows = [
            GenerationRow(generations[number % 2], f"A{number // 2:07d}", self._row(number // 2))
            for number in range(first, last)
        ]
        return Page(rows, str(last) if last < self._count else None)

    def find(self, _generation, places):
        return {place: self._row(int(place[1:])) for place in places}

    def _row(self, number):
        return {"version": 1, "name": f"airport {number}", "text": "x" * 300}


def row_of(key, version):
    content = Content.checked(key.code, {"country": "JP", "text": "x" * 300}, is_deleted=False)
    return DataRow(
        key=key,
        version=version,
        command_id=f"{key.code}-{version}",
        content=content,
        created=AUDIT,
        updated=AUDIT,
    )


def begun(rebuild, stage):
    """A segment of a stage; those before it had nothing to do."""
    is_every_version = stage == "every version"
    rebuild.service.rebuild(VIEW, OPERATOR, is_every_version=is_every_version)
    rebuild.world.clock.advance(seconds=60)
    segments = rebuild.next_work()["segments"]
    if stage != "compare":
        return iter(segments)
    for segment in segments:
        rebuild.work(segment)
    return iter(rebuild.next_work()["segments"])


def peak(rebuild, segment, count):
    """The bytes that a segment of so many takes at most."""
    source = Source(count)
    parts = {"data": source, "history": source, "generation_rows": lambda _key: source}
    one_by_one = {"at_once": lambda work, shares: [work(share) for share in shares]}
    with bootstrap.override(**parts, **one_by_one):
        tracemalloc.start()
        try:
            done = rebuild.work(segment)
            most = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert done["result"] == "done"
    return most


@pytest.mark.parametrize(
    ("stage", "many"),
    [
        ("replay", 2_500),
        ("compare", 8_000),
        pytest.param("replay", 8_000, marks=PROOF),
        pytest.param("every version", 8_000, marks=PROOF),
        pytest.param("replay", deep(25_000, 100_000), marks=PROOF),
        pytest.param("compare", deep(25_000, 100_000), marks=PROOF),
    ],
)
def test_a_segment_takes_no_more_memory_for_more_items(rebuild, handlers_of_airport, many, stage):
    handlers_of_airport(airports_by_icao=lambda _command: None)
    rebuild.world.dynamodb.written = deque(maxlen=0)  # the fake's own, and no stream of anybody's
    segments = begun(rebuild, stage)

    _, few, much = (peak(rebuild, next(segments), count) for count in (FEW, FEW, many))

    told = [segment.counts.done for segment in rebuild.world.all_of(SEGMENTS)]
    assert max(told) == many * {"replay": 1, "every version": VERSIONS, "compare": 0.5}[stage]
    assert few < 1_000_000
    assert much - few < LEFT * (many - FEW), (few, much)
