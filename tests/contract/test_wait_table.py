FIRST, SECOND = "2026-11-25T12:00:00.000Z#00", "2026-11-25T12:00:00.000Z#01"


def test_a_token_is_kept_for_whoever_ends_the_wait(world):
    assert world.waits.park("order-1", "ask", "token", FIRST) is True

    assert world.waits.token("order-1", "ask") == "token"


def test_nobody_waits_before_a_token_is_there(world):
    world.waits.park("order-1", "ask", "token", FIRST)

    assert world.waits.token("order-1", "ask_again") is None
    assert world.waits.token("order-2", "ask") is None


def test_the_token_of_a_later_try_replaces_an_earlier_one_and_never_the_other_way(world):
    world.waits.park("order-1", "ask", "first", FIRST)

    later = world.waits.park("order-1", "ask", "second", SECOND)
    late = world.waits.park("order-1", "ask", "first", FIRST)

    assert (later, late) == (True, False)
    assert world.waits.token("order-1", "ask") == "second"


def test_a_function_that_runs_twice_keeps_its_token(world):
    world.waits.park("order-1", "ask", "token", FIRST)

    assert world.waits.park("order-1", "ask", "token", FIRST) is True
