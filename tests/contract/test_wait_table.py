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


def test_each_key_of_a_state_has_a_wait_of_its_own(world):
    for key, token in (("", "alone"), ("0", "first"), ("1", "second")):
        world.waits.park("order-1", "ask", token, FIRST, key)
    world.waits.park("order-1", "ask#1", "another state's", FIRST)
    world.waits.park("order-2", "ask", "another execution's", FIRST, "0")

    tokens = world.waits.tokens("order-1", "ask")

    assert tokens == {"": "alone", "0": "first", "1": "second"}
    assert [world.waits.token("order-1", "ask", key) for key in tokens] == list(tokens.values())


def test_a_wait_that_is_closed_is_not_listed_and_can_still_be_told(world):
    world.waits.park("order-1", "ask", "token", FIRST, "0")

    assert world.waits.close("order-1", "ask", "0", "token") is True

    assert world.waits.tokens("order-1", "ask") == {}
    assert world.waits.token("order-1", "ask", "0") == "token"


def test_a_wait_is_not_closed_for_a_later_try_that_waits(world):
    world.waits.park("order-1", "ask", "first", FIRST, "0")
    world.waits.close("order-1", "ask", "0", "first")
    world.waits.park("order-1", "ask", "second", SECOND, "0")

    assert world.waits.close("order-1", "ask", "0", "first") is False
    assert world.waits.close("order-1", "ask", "1", "first") is False
    assert world.waits.tokens("order-1", "ask") == {"0": "second"}
