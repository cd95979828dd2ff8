from collections.abc import Generator
from typing import Any


def play(program: Generator[Any, Any, Any], *steps: tuple[object, object]) -> Any:
    """Drive a program by hand: it must make these calls, and is given these answers.

    Answers what the program returns; whatever it raises is raised.
    """
    made = 0
    try:
        call = next(program)
        for expected, answer in steps:
            assert call == expected, f"call {made + 1}"
            made += 1
            call = program.send(answer)
    except StopIteration as end:
        assert made == len(steps), f"it returned after call {made}"
        return end.value
    raise AssertionError(f"one call too many: {call}")
