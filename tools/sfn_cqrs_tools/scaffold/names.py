"""Valid names of a workflow and its states, and the names derived from them."""

from __future__ import annotations

import keyword
import re
from collections.abc import Collection, Sequence

from sfn_cqrs_tools.scaffold.changes import ScaffoldError

LONGEST = 28  # a line that names both a machine and a state has at most 100 characters
LONGEST_PROJECT = 31
LONGEST_STACK = LONGEST_PROJECT + len("-prod")
LONGEST_MACHINE = 24
"""On AWS a machine's name has 80 letters: the stack's, `-Cqrs-`, 13 random ones, `-`, its own."""
RESERVED_STATES = {
    "success": "ends every workflow",
    "fail": "ends every workflow",
    "mark_failed": "records every failure",
    "not_recorded": "ends a workflow whose failure could not be recorded",
    "answer_parent": "ends every child of another workflow",
    "start_execution": "is the sample of an execution's input",
}
_MACHINE = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_STATE = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")


def check_name(name: str, pattern: re.Pattern[str], longest: int, rule: str, such: str) -> None:
    """Refuse an invalid or too long name.

    Raises:
        ScaffoldError: it says so, and gives an example.
    """
    if not pattern.fullmatch(name) or len(name) > longest:
        raise ScaffoldError(
            f"{name!r} is {rule}, a letter first, at most {longest} characters, such as {such}"
        )


def check_machine(name: str) -> None:
    """Refuse an invalid name of a machine.

    Raises:
        ScaffoldError: the message says what a name looks like.
    """
    letters = "small letters, digits and single '-'"
    check_name(
        name, _MACHINE, LONGEST_MACHINE, f"not a name for a workflow: {letters}", "order-refund"
    )
    if keyword.iskeyword(snake(name)):
        raise ScaffoldError(f"{name!r} is a word of Python, and would be its functions' package")


def check_states(
    states: Sequence[str], callbacks: Collection[str], long: Collection[str] = ()
) -> None:
    """Refuse invalid states of a workflow.

    Raises:
        ScaffoldError: the message names the first that is wrong.
    """
    if not states:
        raise ScaffoldError("a workflow has at least one state: --states check,work")
    for state in states:
        _check_state(state)
    twice = next((state for state in states if states.count(state) > 1), None)
    if twice is not None:
        raise ScaffoldError(f"the state {twice!r} is there twice; each has a function of its own")
    for option, named in (("--callback", callbacks), ("--long", long)):
        for state in named:
            if state not in states:
                raise ScaffoldError(f"{option} {state} is none of --states {','.join(states)}")
    both = next((state for state in callbacks if state in long), None)
    if both is not None:
        raise ScaffoldError(f"{both!r} waits for somebody, or works for minutes; not both")


def _check_state(state: str) -> None:
    letters = "small letters, digits and single '_'"
    check_name(state, _STATE, LONGEST, f"not a name for a state: {letters}", "check_stock")
    if state in RESERVED_STATES:
        raise ScaffoldError(f"the state {state!r} {RESERVED_STATES[state]}; choose another name")
    if keyword.iskeyword(state):
        raise ScaffoldError(f"{state!r} is a word of Python, and would be its function's package")


def snake(name: str) -> str:
    """Return the folder of a machine: `order-refund` is `order_refund`."""
    return name.replace("-", "_")


def pascal(*names: str) -> str:
    """Return a logical id's prefix: OrderRefundCheckStock for `order-refund` and `check_stock`."""
    return "".join(word.title() for word in snake("_".join(names)).split("_"))


def function_id(machine: str, state: str) -> str:
    """Return the logical id of a state's function."""
    return f"{pascal(machine, state)}Function"
