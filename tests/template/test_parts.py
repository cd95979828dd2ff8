"""Parts: each room makes its own, and `bootstrap` finds each of them where it is made."""

from importlib import import_module

import pytest
from tests.support.places import parts_of_rooms

from sfn_cqrs import bootstrap
from sfn_cqrs.kernel import parts
from sfn_cqrs.kernel.parts import Parts, part
from sfn_cqrs.kernel.sql import parts as sql

ROOMS = parts_of_rooms()


def test_bootstrap_finds_each_part_where_its_room_makes_it() -> None:
    """PostgreSQL's is made behind a function, since users' code imports it when it starts."""
    for name, made in ROOMS.items():
        for each in made if name != sql.__name__ else ():
            assert getattr(bootstrap, each) is getattr(import_module(name), each)


def test_bootstrap_lists_what_rooms_make_and_nothing_else() -> None:
    late = {each for name, made in ROOMS.items() for each in made}
    eager = {*ROOMS[parts.__name__], *ROOMS[sql.__name__]}

    assert {*dir(bootstrap)} == (late - eager) | {"saga_executions"}


def test_no_two_rooms_make_a_part_of_one_name() -> None:
    names = [each for made in ROOMS.values() for each in made]

    assert len({*names}) == len(names) > 40


def test_a_part_is_made_once_of_each_environment() -> None:
    @part
    def greeting(given: Parts) -> list[str]:
        return [given.variable("WHOM"), *given.optional("HOW").split()]

    one, other = Parts({"WHOM": "you"}), Parts({"WHOM": "me", "HOW": "kindly"})

    assert (greeting(one), greeting(other)) == (["you"], ["me", "kindly"])
    assert greeting(one) is greeting(one)
    assert greeting(Parts({}, greeting="given")) == "given"  # type: ignore[comparison-overlap]


def test_a_name_that_no_room_has_is_an_error() -> None:
    with pytest.raises(AttributeError, match=r"sfn_cqrs\.bootstrap.*'clients'"):
        bootstrap.clients  # type: ignore[attr-defined] # noqa: B018
