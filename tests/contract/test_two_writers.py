"""Two writers on one record: whatever its state, and whichever of two writes comes amid the other.

A rule is the very function that production runs, so what is shown of it here holds there.
"""

import random
from dataclasses import replace
from itertools import product

import pytest
from tests.contract.writes import CASES
from tests.support.proof import deep, every

from sfn_cqrs.kernel.tables.records import Records
from sfn_cqrs_tools.testing.dynamodb import DynamoDB
from sfn_cqrs_tools.testing.fakes.clock import NOON
from sfn_cqrs_tools.testing.fakes.stored import TABLE_OF, TABLES

AT = "2026-11-25T12:00:00.000Z"
SAMPLE = 40
EACH = [(case, write) for case in CASES for write in case.writes]


class OneItem(DynamoDB):
    """A table with one record, to which something happens before the next put."""

    def __init__(self, kind, record):
        super().__init__(TABLES)
        self.kind, self.table, self.amid = kind, TABLE_OF[kind.codec.kind], None
        super().put_item(TableName=self.table, Item=kind.stored(record, "seeded", NOON))

    def put_item(self, **put):
        amid, self.amid = self.amid, None
        if amid is not None:
            amid()
        return super().put_item(**put)

    def records(self):
        return Records(self, self.table, self.kind, requests=None, now=lambda: NOON)


def as_text(given):
    return str(given).replace("[", "(").replace("]", ")")


def one_by_one(record, *writes):
    """What each write answers, done one after the other, and the record after both."""
    answers = []
    for write in writes:
        after = write.on(record, AT)
        if after is not None and after is not record:
            record = replace(after, updated_at=AT)
        answers.append((after is not None, record))
    return record, answers


def assert_one_after_the_other(kind, record, first, second, *, is_seen):
    table, answers = OneItem(kind, record), []
    key = record.key
    seen = table.records().find(key) if is_seen else None
    table.amid = lambda: answers.append(table.records().change(key, second))

    mine = table.records().change(key, first, seen)

    if not answers:  # nothing was put
        assert (mine.done, mine.record) == (first.on(record, AT) is not None, record)
        return
    last, (its, my) = one_by_one(record, second, first)
    assert (answers[0].done, answers[0].record) == its
    assert (mine.done, mine.record) == my
    assert table.records().find(key) == last


@pytest.mark.parametrize(("case", "first"), EACH, ids=as_text)
def test_two_who_meet_are_one_after_the_other(case, first):
    draw = random.Random(as_text(first))
    met = list(product(case.states, case.writes, (False, True)))
    for record, second, is_seen in draw.sample(met, min(SAMPLE, len(met))):
        assert_one_after_the_other(case.kind, record, first, second, is_seen=is_seen)


@pytest.mark.proof
@pytest.mark.parametrize(("case", "first"), EACH, ids=as_text)
def test_any_two_who_meet_in_any_state_are_one_after_the_other(case, first):
    met = product(case.states, case.writes, (False, True))
    for record, second, is_seen in every(deep(3, 1), met):
        assert_one_after_the_other(case.kind, record, first, second, is_seen=is_seen)


@pytest.mark.parametrize(("case", "write"), EACH, ids=as_text)
def test_a_write_that_is_made_twice_is_made_once(case, write):
    done = 0
    for record in case.states:
        once = write.on(record, AT)
        assert (once and write.on(once, AT)) in (None, once)
        done += once is not None

    assert 0 < done < len(case.states)
