"""No text that people send makes a regular expression take more time than the text is long.

The law reads the layer: which patterns there are, and by which method each is used.
"""

import ast
import importlib
import re
import time
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from tests.support.places import dotted

import sfn_cqrs
from sfn_cqrs.kernel import masking
from sfn_cqrs.kernel.sql import script as sql_script
from sfn_cqrs.machines.import_csv.csv import formulas

LAYER = Path(sfn_cqrs.__file__).parent
METHODS = ("search", "match", "fullmatch", "split", "sub", "subn", "findall", "finditer")
LENGTH = 16_000
CPU_SECONDS = 0.1
"""Of one use. One that takes the square of the length needs more than a second."""
PIECES = (
    *" \t\n\r\0\"';|,=-+@.:/\\_#%a1Aa",
    *(
        "\u200b",
        "a@",
        "a.",
        "a@a.",
        "A1",
        "1,",
        "1.",
        ".a",
        "--",
        "\\\\u",
        "AA11 ",
        "a1A",
        "/*",
        "*/",
    ),
    *(
        "uploads/",
        "/auto/",
        "1@",
        "@1",
        'File "',
        ", line 1",
        "timed out after ",
        ";-1",
        "\r\n",
        "$$",
    ),
)
OWN = {sql_script: "reads the migrations of the user's own package"}


def uses(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """Yield each pattern that a module names, or spells out where it is used, and the method."""
    for call in (each for each in ast.walk(tree) if isinstance(each, ast.Call)):
        function = call.func
        if not isinstance(function, ast.Attribute) or function.attr not in METHODS:
            continue
        if ast.unparse(function.value) != "re":
            yield ast.unparse(function.value), function.attr
        elif isinstance(call.args[0], ast.Constant):
            yield f"re.compile({call.args[0].value!r})", function.attr


@cache
def used() -> dict[tuple[str, str], tuple[re.Pattern[str], str]]:
    found = {}
    for path in sorted(LAYER.rglob("*.py")):
        module = importlib.import_module(dotted(path))
        if module in OWN:
            continue
        scope = {**vars(module), "re": re}
        for expression, method in uses(ast.parse(path.read_text())):
            try:
                pattern = eval(expression, scope)
            except NameError:
                continue  # of a function: the loop over a tuple of patterns
            if isinstance(pattern, re.Pattern):
                found[f"{module.__name__}: {expression}", method] = (pattern, method)
    return found


def seconds(pattern: re.Pattern[str], method: str, text: str) -> float:
    """Return the time of this thread that one use takes."""
    given: str | bytes = text.encode() if isinstance(pattern.pattern, bytes) else text
    nothing = given[:0]
    use = getattr(pattern, method)
    begun = time.thread_time()
    found = use(nothing, given) if method in ("sub", "subn") else use(given)
    if method == "finditer":
        list(found)
    return time.thread_time() - begun


def slow(pattern: re.Pattern[str], method: str) -> list[str]:
    """Return the pieces whose runs take too long, one after which the search ends."""
    for piece in PIECES:
        run = piece * (LENGTH // len(piece))
        for text in (run, f"{run}\x01", f"x{run}é"):
            if seconds(pattern, method, text) > CPU_SECONDS:
                return [piece]
    return []


def test_no_run_of_anything_takes_more_than_its_length() -> None:
    assert {
        use: pieces for use, (pattern, way) in used().items() if (pieces := slow(pattern, way))
    } == {}


def test_the_patterns_are_found() -> None:
    names = {name for name, _ in used()}

    assert {f"{formulas.__name__}: _SIGN", f"{masking.__name__}: _EMAIL"} <= names
    assert len(names) > 30


def test_one_that_takes_the_square_is_found() -> None:
    assert slow(re.compile(r"[\s\"']*="), "search")
