"""Every order in which two batches are delivered twice, with answers lost on the way.

The protocols that do not hold (adding first, a marker first, a client token) are known from
`ADD` and marker being two calls; here they are one, and the property is asked of the real
adapter's fake, which the contract holds equal to DynamoDB.
"""

from itertools import permutations, product

import pytest

from sfn_cqrs.domain.imports import Counts, Marker
from sfn_cqrs.domain.keys import ImportKey
from sfn_cqrs_tools.testing.fakes import World

JOB = ImportKey("tenant1", "01JDHZ0000000000000000000A")
BATCHES = (Marker(2, 4, Counts(created=2, failed=1)), Marker(5, 6, Counts(unchanged=2)))
DELIVERIES = sorted(set(permutations((0, 0, 1, 1))))


@pytest.mark.parametrize("order", DELIVERIES)
def test_whatever_is_delivered_twice_or_unanswered_is_counted_once(order):
    for lost in product((False, True), repeat=len(order)):
        imports = World().imports
        answers = {0: set(), 1: set()}
        for batch, is_lost in zip(order, lost, strict=True):
            for _ in range(2 if is_lost else 1):
                answers[batch].add(imports.count(JOB, BATCHES[batch]))

        assert imports.counts(JOB) == Counts(created=2, unchanged=2, failed=1)
        assert list(imports.markers(JOB)) == list(BATCHES)
        assert answers == {0: {BATCHES[0].counts}, 1: {BATCHES[1].counts}}


@pytest.mark.parametrize("order", DELIVERIES)
def test_a_second_delivery_that_saw_other_things_counts_as_the_first_did(order):
    imports = World().imports
    first: dict[int, Counts] = {}
    for number, batch in enumerate(order):
        marker = Marker(BATCHES[batch].first, BATCHES[batch].last, Counts(created=number + 1))
        answer = imports.count(JOB, marker)
        assert answer == first.setdefault(batch, marker.counts)

    assert imports.counts(JOB) == first[0] + first[1]
