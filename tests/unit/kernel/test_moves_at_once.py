"""Versions of one item that move its row at once, in every order of their calls."""

import random
from itertools import product

import pytest
from tests.support.proof import deep
from tests.support.strands import Strands

from sfn_cqrs.kernel.errors import BusyError

WHO, NO = ("dr-who", "a-1"), ("dr-no", "a-1")
PLACES = (WHO, NO, None)


class Pausing:
    """A client before each of whose calls others may run."""

    def __init__(self, client, strands):
        self._client, self._strands = client, strands

    def __getattr__(self, name):
        call = getattr(self._client, name)

        def paused(**arguments):
            self._strands.pause()
            return call(**arguments)

        return paused


class Orders:
    """Every list of choices, one after the other; the strands ask it for each choice."""

    def __init__(self):
        self._choices, self._next = [], 0

    def __iter__(self):
        while True:
            self._next = 0
            yield self
            while self._choices and self._choices[-1][0] + 1 == self._choices[-1][1]:
                self._choices.pop()
            if not self._choices:
                return
            self._choices[-1][0] += 1

    def randrange(self, among):
        if self._next == len(self._choices):
            self._choices.append([0, among])
        choice, known = self._choices[self._next]
        assert known == among
        self._next += 1
        return choice


def there(view, item):
    """The versions of the item that readers see."""
    found = [view.rows("tenant1", f"{doctor}-{item}") for doctor, _ in (WHO, NO)]
    return [
        (where, row["version"])
        for where, rows in zip((WHO, NO), found, strict=True)
        for row in rows
    ]


def play(world, first, versions, orders):
    """Play the versions' calls in these orders, after the first one; return how many there are."""
    view = world.read_model("appointments_by_doctor")
    last = max(versions)
    strands = Strands(0)
    writing = world.read_model("appointments_by_doctor")
    writing._client = Pausing(view._client, strands)

    def move(item, version, to):
        at = None if to is None else (f"{to[0]}-{item}", to[1])
        while True:
            try:
                return writing.move("tenant1", f"a-{item}", {"version": version}, at)
            except BusyError:
                continue

    try:
        for number, order in enumerate(orders, 1):
            strands.random = order
            if first is not None:
                move(number, 1, first)
            for version, to in versions.items():
                strands.spawn(lambda version=version, to=to, item=number: move(item, version, to))
            newest = 1
            while len(strands):
                strands.step()
                shown = there(view, number)
                assert len(shown) <= 1
                assert all(version >= newest for _, version in shown)
                newest = max([newest, *(version for _, version in shown)])
            expected = [] if versions[last] is None else [(versions[last], last)]
            assert there(view, number) == expected
    finally:
        strands.close()
    return number


TWO = list(product((WHO, None), PLACES, PLACES))
THREE = list(product(PLACES, PLACES, PLACES))


@pytest.mark.parametrize(("first", "second", "third"), TWO)
def test_two_versions_leave_the_newer(first, second, third, world):
    assert play(world, first, {2: second, 3: third}, Orders()) > 5


@pytest.mark.parametrize(("second", "third", "fourth"), THREE)
def test_three_versions_leave_the_newest(second, third, fourth, world):
    orders = (random.Random(seed) for seed in range(deep(40, 5_000)))
    play(world, WHO, {2: second, 3: third, 4: fourth}, orders)


def test_a_row_that_expired_is_written_again_unless_another_has_its_place(world):
    view = world.read_model("appointments_by_doctor")
    for item in ("a-1", "a-2"):
        view.move("tenant1", item, {"version": 1}, ("dr-who", item))
        world.dynamodb.delete_item(
            TableName="ReadModelsTable", Key=view._key("tenant1", "dr-who", item)
        )
    view.move("tenant1", "b-1", {"version": 1}, ("dr-who", "a-2"))

    assert view.move("tenant1", "a-1", {"version": 2}, ("dr-who", "a-1")) is True
    with pytest.raises(ValueError, match="has a row of b-1 at dr-who, a-2, where a-2 is to go"):
        view.move("tenant1", "a-2", {"version": 2}, ("dr-who", "a-2"))

    assert [row["sort"] for row in view.rows("tenant1", "dr-who")] == ["a-1", "a-2"]
