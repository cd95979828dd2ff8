import threading
import time
from types import SimpleNamespace

import pytest
from tests.support.real_time import RealTime

from sfn_cqrs_tools.client.pauses import awaited
from sfn_local.scheduler import ThreadScheduler
from sfn_local.scheduler.clock import RealClock, VirtualClock


@pytest.fixture
def real_time(monkeypatch):
    """The plugin beside the one that observes this test; who sleeps is back at once."""
    monkeypatch.setattr("tests.support.real_time._sleep", lambda _seconds: None)
    return RealTime()


def run(real_time, *marks):
    """Run a test through the plugin; answers why it fails, if it does."""
    found = {mark.name: mark for mark in marks}
    hook = real_time.pytest_runtest_call(SimpleNamespace(get_closest_marker=found.get))
    next(hook)
    try:
        hook.send("passed")
    except StopIteration as end:
        return end.value
    except pytest.fail.Exception as error:
        return str(error)
    raise AssertionError


def test_a_long_sleep_fails_the_test(real_time):
    real_time.waits.sleep(0.2)

    assert run(real_time).startswith("it waits for real time: time.sleep(0.2);")


def test_a_reason_lets_it_wait(real_time):
    real_time.waits.sleep(0.2)

    assert run(real_time, pytest.mark.real_time("a second is the least").mark) == "passed"
    assert run(real_time, pytest.mark.real_time.mark).startswith("it waits for real time")


def test_short_looks_at_what_others_do_are_no_waits(real_time):
    for _ in range(3):
        real_time.waits.sleep(0.1)

    assert run(real_time) == "passed"


def test_a_timeout_that_runs_out_fails_the_test_and_one_that_does_not_is_none(real_time):
    met, missed = threading.Condition(), threading.Condition()
    timer = threading.Timer(0.01, lambda: told(met))

    with met:
        timer.start()
        real_time.waits.wait(met, 5)
    assert run(real_time) == "passed"
    with missed:
        real_time.waits.wait(missed, 0.2)
    assert run(real_time).startswith("it waits for real time: a timeout of 0.2 s;")


def told(condition):
    with condition:
        condition.notify()


@pytest.mark.parametrize(("clock", "noted"), [(RealClock(), ["a timer of 0.2 s"]), (None, [])])
def test_an_engines_timer_is_a_wait_unless_its_clock_is_moved(clock, noted, real_time):
    scheduler, rung = ThreadScheduler(), threading.Event()
    scheduler.clock = clock or VirtualClock()
    with scheduler.lock:
        real_time.waits.after(scheduler, 0.2, rung.set)
    if clock is None:
        scheduler.clock.advance(1)
        scheduler.add(scheduler._fire_due_timers)

    assert rung.wait(5)
    scheduler.close()
    assert real_time.waits.of_test == noted


def test_on_a_stack_what_was_busy_is_tried_again_within_a_second_and_nothing_may_wait_longer(
    real_time,
):
    stack = pytest.mark.stack.mark
    real_time.waits.of_test += ["a timer of 1 s"]
    assert run(real_time, stack) == "passed"
    assert run(real_time).startswith("it waits for real time: a timer of 1 s;")

    real_time.waits.of_test = ["a timer of 0.562 s"]
    assert run(real_time).startswith("it waits for real time: a timer of 0.562 s;")
    assert run(real_time, stack) == "passed"
    real_time.waits.of_test += ["a timer of 2 s"]
    assert run(real_time, stack).startswith("it waits for real time: a timer of 2 s;")


def test_on_a_stack_who_waits_for_it_may_look_again_and_nobody_else_may(real_time, monkeypatch):
    monkeypatch.setattr("time.sleep", real_time.waits.sleep)
    seen = [False] * 4

    awaited(seen.pop, lambda _found: not seen)
    assert real_time.waits.of_test == ["a look after 0.2 s"]
    assert run(real_time, pytest.mark.stack.mark) == "passed"
    assert run(real_time).startswith("it waits for real time: a look after 0.2 s;")

    time.sleep(0.2)
    assert run(real_time, pytest.mark.stack.mark).startswith("it waits for real time: time.sleep")


def test_what_goes_on_since_an_earlier_test_is_nobodys(real_time, monkeypatch):
    def sleep(_seconds):
        next(real_time.pytest_runtest_setup())

    monkeypatch.setattr("tests.support.real_time._sleep", sleep)
    real_time.waits.sleep(60)

    assert run(real_time) == "passed"
