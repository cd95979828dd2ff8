"""The executions that an engine keeps: those that run, and of those that have ended the newest.

AWS keeps what has ended for 90 days. An engine keeps as many as its Retention says, so that it does
not grow without end; of an older one it remembers the name, which no other execution can take.
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from operator import attrgetter

from sfn_local.executions.execution import Execution

MOST_NAMES = 1_000_000


@dataclass(frozen=True, slots=True)
class Retention:
    """At most so many executions that have ended, with so many events in all, are kept.

    The one that ended last is kept however many events it has; a Map Run's children count as
    their parent's.
    """

    executions: int = 10_000
    events: int = 100_000


KEEP = Retention()


class Executions:
    """The executions of an engine; its lock guards them."""

    def __init__(
        self,
        retention: Retention,
        weigh: Callable[[Execution], int],
        forget: Callable[[Execution], None],
    ) -> None:
        """None yet; weigh counts an execution's events, forget takes each that is let go."""
        self._retention = retention
        self._weigh = weigh
        self._forget = forget
        self._by_arn: dict[str, Execution] = {}
        self._of_machine: defaultdict[str, list[Execution]] = defaultdict(list)
        self._ended: dict[str, int] = {}
        self._events = 0
        self._added = 0
        self.forgotten: dict[str, None] = {}

    def add(self, execution: Execution) -> None:
        """Keep an execution."""
        self._added += 1
        execution.number = self._added
        self._by_arn[execution.arn] = execution
        self._of_machine[execution.machine.arn].append(execution)
        if not execution.is_running:
            self.status_changed(execution)

    def find(self, arn: str) -> Execution | None:
        """The execution of an ARN."""
        return self._by_arn.get(arn)

    @property
    def open(self) -> int:
        """How many of them run."""
        return len(self._by_arn) - len(self._ended)

    def newest_first(self, machine: str, before: int | None = None) -> Iterator[Execution]:
        """The executions of a machine, from the one before a number on."""
        listed = self._of_machine.get(machine, [])
        end = len(listed) if before is None else bisect_left(listed, before, key=_number)
        return (listed[position] for position in range(end - 1, -1, -1))

    def status_changed(self, execution: Execution) -> None:
        """Note that an execution has ended, or runs again; let go of the oldest of too many."""
        self._events -= self._ended.pop(execution.arn, 0)
        if execution.is_running:
            return
        self._ended[execution.arn] = weight = self._weigh(execution)
        self._events += weight
        while self._are_too_many():
            self._let_go(next(iter(self._ended)))

    def remember(self, arn: str) -> None:
        """Remember the name of an execution that is not kept."""
        self.forgotten[arn] = None
        if len(self.forgotten) > MOST_NAMES:
            del self.forgotten[next(iter(self.forgotten))]

    def _are_too_many(self) -> bool:
        count, most = len(self._ended), self._retention
        return count > most.executions or (count > 1 and self._events > most.events)

    def _let_go(self, arn: str) -> None:
        self._events -= self._ended.pop(arn)
        execution = self._by_arn.pop(arn)
        listed = self._of_machine[execution.machine.arn]
        del listed[bisect_left(listed, execution.number, key=_number)]
        self.remember(arn)
        self._forget(execution)


_number = attrgetter("number")
