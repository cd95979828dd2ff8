"""Cooperative threads: one runs at a time, until it pauses; a seed decides who is next."""

import random
import threading
from collections.abc import Callable

Job = Callable[[], None]


class AbandonedError(BaseException):
    """The world is closed while a strand pauses."""


class Strand:
    """A job on a thread of its own, which only runs while it is resumed."""

    def __init__(self, owner: "Strands") -> None:
        self._owner = owner
        self._go = threading.Lock()
        self._go.acquire()
        self.job: Job | None = None
        self.is_abandoned = False
        threading.Thread(target=self._run, daemon=True, name="strand").start()

    def resume(self) -> bool:
        """Run until the job pauses or ends; whether it pauses."""
        self._go.release()
        self._owner.turn.acquire()
        return self.job is not None

    def end(self) -> None:
        """End the thread; it has no job."""
        self._go.release()

    def pause(self) -> None:
        """Let others run; called by the job itself."""
        self._owner.turn.release()
        self._go.acquire()
        if self.is_abandoned:
            raise AbandonedError

    def _run(self) -> None:
        while True:
            self._go.acquire()
            if self.job is None:
                return
            self._owner.own.strand = self
            try:
                self.job()
            except AbandonedError:
                pass
            except BaseException as error:
                self._owner.errors.append(error)
            self.job = None
            self._owner.turn.release()


class Strands:
    """The strands of a world."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.own = threading.local()
        self.turn = threading.Lock()
        self.turn.acquire()
        self.errors: list[BaseException] = []
        self._paused: list[Strand] = []
        self._idle: list[Strand] = []

    def __len__(self) -> int:
        """How many have not ended."""
        return len(self._paused)

    def spawn(self, job: Job) -> None:
        """Let a job begin when its turn comes."""
        strand = self._idle.pop() if self._idle else Strand(self)
        strand.job = job
        self._paused.append(strand)

    def step(self) -> None:
        """Resume one of the strands.

        Raises:
            BaseException: whatever a job has raised.
        """
        chosen = self.random.randrange(len(self._paused))
        paused = self._paused
        paused[chosen], paused[-1] = paused[-1], paused[chosen]
        strand = paused.pop()
        (paused if strand.resume() else self._idle).append(strand)
        if self.errors:
            raise self.errors.pop()

    def pause(self) -> None:
        """Let others run, if this is called on a strand."""
        strand: Strand | None = getattr(self.own, "strand", None)
        if strand is not None:
            strand.pause()

    def close(self) -> None:
        """End all threads."""
        for strand in self._paused:
            strand.is_abandoned = True
            strand.resume()
        for strand in [*self._idle, *self._paused]:
            strand.job = None
            strand.end()
