import threading

import pytest

from sfn_local import ThreadScheduler


@pytest.fixture
def scheduler():
    scheduler = ThreadScheduler()
    yield scheduler
    scheduler.close()


def test_what_is_handed_in_runs_on_the_schedulers_thread_with_the_lock(
    scheduler: ThreadScheduler,
) -> None:
    ran, held = threading.Event(), []

    def job() -> None:
        taken = threading.Thread(target=lambda: held.append(scheduler.lock.acquire(blocking=False)))
        taken.start()
        taken.join()
        held.append(threading.current_thread().name)
        ran.set()

    scheduler.hand_in(job)

    assert ran.wait(60)
    assert held == [False, "sfn-engine"]


def test_who_hands_in_waits_for_nothing(scheduler: ThreadScheduler) -> None:
    scheduler.settle()  # its thread has started
    ran = threading.Event()
    with scheduler.lock:
        handing = threading.Thread(target=scheduler.hand_in, args=(ran.set,))
        handing.start()
        handing.join(60)
        assert not handing.is_alive()
        assert not ran.is_set()

    assert ran.wait(60)
