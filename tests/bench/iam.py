"""What it costs commands that each call asks its function's role, through the local stack.

One stack runs blocks of commands, in turns with the roles asked and not, as `up --no-iam` leaves
it. Compared is the processor time of this process, which other programs on the machine change
less than the time by the clock; each pair of blocks gives a ratio, and their median is shown.
"""

import time
from statistics import median

from command import UNBOUND, publish_all
from report import Figure, main
from stacks import a_stack

from sfn_cqrs_tools.runtime.recorder import Recorder
from sfn_cqrs_tools.stack.local_stack import LocalStack

PAIRS = 9
COMMANDS = 40
MOST = 1.03


def measure() -> list[Figure]:
    """Measure blocks in pairs, each the other way round than the one before."""
    with a_stack(Recorder(), parameters=UNBOUND) as stack:
        _block(stack, "warm", is_asked=True)
        pairs = [_pair(stack, number) for number in range(PAIRS)]
    asked, free = (1000 * median(times) / COMMANDS for times in zip(*pairs, strict=True))
    return [
        Figure("processor time, roles asked", asked, "ms per command"),
        Figure("processor time, --no-iam", free, "ms per command"),
        Figure("ratio", median(one / other for one, other in pairs), "", MOST),
    ]


def _pair(stack: LocalStack, number: int) -> tuple[float, float]:
    order = (True, False) if number % 2 else (False, True)
    seconds = {way: _block(stack, f"{number}-{way}", is_asked=way) for way in order}
    return seconds[True], seconds[False]


def _block(stack: LocalStack, name: str, *, is_asked: bool) -> float:
    """Publish commands, and answer the seconds of processor time until all are applied."""
    assert stack.iam is not None
    permissions = stack.iam.permissions
    if not is_asked:
        stack.iam.permissions = None
    began = time.process_time()
    publish_all(stack, [f"{name}-{number}" for number in range(COMMANDS)])
    taken = time.process_time() - began
    stack.iam.permissions = permissions
    return taken


if __name__ == "__main__":
    main("what it costs that each call asks its function's role", measure)
