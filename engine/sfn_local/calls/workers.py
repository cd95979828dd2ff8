"""A pool of threads that does not keep the interpreter from ending."""

import queue
import threading
from collections.abc import Callable

Job = Callable[[], None]


class Workers:
    """Runs jobs on daemon threads, which are started when none is idle."""

    def __init__(self, most: int, name: str) -> None:
        """At most that many threads; further jobs queue."""
        self._most = most
        self._name = name
        self._jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._idle = threading.Semaphore(0)
        self._started = 0
        self._lock = threading.Lock()

    def submit(self, job: Job) -> None:
        """Run a job, which must not raise, soon; from any thread."""
        self._jobs.put(job)
        if not self._idle.acquire(blocking=False):
            self._start_one()

    def close(self) -> None:
        """Let each thread end after its present job, whatever is queued."""
        with self._lock:
            started, self._most = self._started, 0
        while not self._jobs.empty():
            self._drop_one()
        for _ in range(started):
            self._jobs.put(None)

    def _drop_one(self) -> None:
        try:
            self._jobs.get_nowait()
        except queue.Empty:
            return

    def _start_one(self) -> None:
        with self._lock:
            if self._started >= self._most:
                return
            self._started += 1
        threading.Thread(target=self._run, name=self._name, daemon=True).start()

    def _run(self) -> None:
        while (job := self._jobs.get()) is not None:
            job()
            self._idle.release()
