"""Each planted mistake is found within 1,000 schedules, and its corrected twin is left alone."""

import importlib
import pkgutil
import re
from functools import cache
from pathlib import Path

import pytest
from tests.support.proof import deep

from sfn_cqrs_tools.testing.simulation import NewTask, SimulationError, simulate

from . import mistakes

KINDS = {
    "adds_in_a_task": "own",
    "adds_in_bulk": "rows",
    "asks_forever": "lost",
    "forgets_the_tenant": "another tenant",
    "forgets_to_undo": "undone",
    "hides_a_global": "rows",
    "leaves_a_row": "rebuild",
    "makes_an_id": "rows",
    "marks_too_early": "rows",
    "needs_another_item": "fails",
    "needs_each_version": "fails",
    "overtakes": "rows",
    "publishes_again": "published",
    "reads_another_item": "rows",
    "reads_the_clock": "rows",
    "repeats": "rows",
    "shows_half": "always",
    "swallows_errors": "rows",
    "tells_outside": "outside",
    "undoes_twice": "outside",
    "writes_letters_again": "outside",
}
"""How each mistake shows itself."""
ADVICE = {
    "forgets_to_undo": "undo it with s.step(take_seat, undo=…)",
    "hides_a_global": "hides_a_global.totals changes",
    "makes_an_id": "uuid.uuid4() gives another answer",
    "reads_another_item": "it reads OWNER ada",
    "reads_the_clock": "datetime.now() gives another answer",
    "tells_outside": "idempotency_key",
}
NAMES = [module.name for module in pkgutil.iter_modules(mistakes.__path__)]


def planted(name, which, **more):
    module = importlib.import_module(f"{mistakes.__name__}.{name}")
    others = [
        getattr(module, one) for one in ("owners", "shelves", "points") if hasattr(module, one)
    ]
    given = {"commands": _own(module, which), "always": getattr(module, "ALWAYS", None)}
    names = getattr(module, "OUTSIDE", ())
    given["outside"] = [
        getattr(module, one) for one in ([names] if isinstance(names, str) else names)
    ]
    others += getattr(module, "WITH", ())
    return simulate(getattr(module, which), *others, **given, **more)


def _own(module, which):
    """Tasks of its own are those of its type."""
    wishes = getattr(module, "COMMANDS", None)
    return wishes and [
        one for one in wishes if not isinstance(one, NewTask) or one.type.endswith(which.upper())
    ]


def test_there_are_at_least_twenty_mistakes():
    assert sorted(KINDS) == sorted(NAMES)
    assert len(NAMES) >= 20


@cache
def found(name):
    with pytest.raises(SimulationError) as raised:
        planted(name, "wrong", schedules=1_000)
    return raised.value


@pytest.mark.parametrize("name", NAMES)
def test_the_mistake_is_found_told_with_its_lines_and_replayed_by_its_seed(name):
    story = str(found(name))

    assert found(name).kind == KINDS[name]
    assert re.search(rf"mistakes/{name}\.py:\d+: ", story)
    assert f'seed="{found(name).seed}"' in story
    assert ADVICE.get(name, "") in story
    with pytest.raises(SimulationError) as again:
        planted(name, "wrong", seed=found(name).seed)
    assert str(again.value).partition("\n")[2] == story.partition("\n")[2]


@pytest.mark.parametrize("name", NAMES)
def test_the_corrected_handler_is_left_alone(name):
    planted(name, "right", schedules=40)


@pytest.mark.proof
@pytest.mark.parametrize("name", NAMES)
def test_the_corrected_handler_is_left_alone_in_many_schedules(name):
    planted(name, "right", schedules=deep(100, 2_000), seed=1)


def test_the_story_in_the_page_is_the_one_that_is_told():
    told = (Path(__file__).parent / "repeats.txt").read_text(encoding="utf-8")

    with pytest.raises(SimulationError) as raised:
        planted("repeats", "wrong", schedules=1_000, rebuild=False)
    assert f"{raised.value}\n" == told
