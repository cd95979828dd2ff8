import queue
import threading

from sfn_local.calls.workers import Workers


def test_jobs_run_beside_each_other_up_to_the_limit() -> None:
    workers = Workers(3, "test")
    gate, running = threading.Event(), threading.Semaphore(0)
    done: queue.SimpleQueue[int] = queue.SimpleQueue()

    def job(number: int) -> None:
        running.release()
        gate.wait(60)
        done.put(number)

    for number in range(7):
        workers.submit(lambda number=number: job(number))
    at_once = [running.acquire(timeout=60) for _ in range(3)]
    fourth = running.acquire(timeout=0.05)
    gate.set()
    finished = sorted(done.get(timeout=60) for _ in range(7))
    workers.close()

    assert (at_once, fourth) == ([True, True, True], False)
    assert finished == list(range(7))


def test_closing_drops_what_is_queued() -> None:
    workers = Workers(1, "test")
    gate, started = threading.Event(), threading.Event()
    done: queue.SimpleQueue[str] = queue.SimpleQueue()

    def first() -> None:
        started.set()
        gate.wait(60)
        done.put("first")

    workers.submit(first)
    workers.submit(lambda: done.put("second"))
    started.wait(60)
    workers.close()
    gate.set()

    assert done.get(timeout=60) == "first"
    assert done.empty()
