from sfn_cqrs_tools.runtime.fair_queue import FairQueue


def at_work(**tenants):
    """Return messages in flight, so many of each tenant."""
    return {f"{name}-{number}": name for name, count in tenants.items() for number in range(count)}


def test_messages_come_in_their_order_while_nobody_is_noisy():
    assert FairQueue().order(["a", "b", "a"], {}, 0.0) == [0, 1, 2]


def test_who_takes_most_of_the_consumers_time_goes_last():
    queue = FairQueue()
    queue.order([], at_work(loud=20), 0.0)

    assert queue.order(["loud", "loud", "quiet"], at_work(loud=20), 5.0) == [2, 0, 1]


def test_time_counts_that_was_taken_before():
    queue = FairQueue()
    queue.order([], at_work(loud=1), 0.0)

    assert queue.order(["loud", "quiet"], {}, 5.0) == [1, 0]


def test_thirty_in_flight_are_noisy_at_once():
    assert FairQueue().order(["loud", "quiet"], at_work(loud=29), 0.0) == [0, 1]
    assert FairQueue().order(["loud", "quiet"], at_work(loud=30), 0.0) == [1, 0]


def test_of_noisy_tenants_the_one_with_the_fewest_in_flight_goes_first():
    queue = FairQueue()
    queue.order([], at_work(a=9, b=3), 0.0)

    assert queue.order(["a", "b", "c"], at_work(a=9, b=3), 5.0) == [2, 1, 0]


def test_who_has_nothing_left_to_wait_for_is_quiet_again():
    queue = FairQueue()
    queue.order(["loud"], at_work(loud=30), 0.0)
    queue.order([], {}, 1.0)

    assert queue.order(["loud", "quiet"], {}, 100.0) == [0, 1]


def test_who_has_had_nothing_in_flight_for_five_minutes_is_quiet_again():
    queue = FairQueue()
    queue.order(["loud"], at_work(loud=30), 0.0)

    assert queue.order(["loud", "quiet"], {}, 299.0) == [1, 0]
    assert queue.order(["loud", "quiet"], {}, 300.0) == [0, 1]
