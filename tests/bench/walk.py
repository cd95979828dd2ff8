"""The walk of one command, one imported row and one saga step through the code.

A file counts where a function of it runs. A call counts where one file of the product calls
another: what a file does in itself, generated code and the import of modules are free. A leaf is a
function that never leads to another file; a reader steps over it. The whole system runs in this
process, on one thread, over moto; the saga over tables in memory.
"""

import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from http import HTTPStatus
from itertools import count
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

from report import Figure, main

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "examples/shop/app")]

from tests.support.lambdas import Lambdas  # noqa: E402
from tests.support.orders import an_order  # noqa: E402
from tests.support.saga_system import SagaSystem  # noqa: E402
from tests.support.system import System, silent  # noqa: E402
from tests.support.whole_system import WholeSystem  # noqa: E402

PRODUCT = tuple(f"{ROOT / folder}/" for folder in ("layer/sfn_cqrs", "functions", "examples/shop"))
AIRPORT = b"icao,name,country,lat,lon,tz\r\nRJTT,Haneda,JP,35.5,139.7,Asia/Tokyo\r\n"
BEFORE_A_COMMAND, BEFORE_A_ROW, BEFORE_A_STEP = (69, 477), (59, 472), (39, 198)
"""Of the commit before types had a declared shape, by this script: files, and calls."""


@dataclass
class Walk:
    """The files that ran, and the calls from one of them to another, by the function called."""

    files: set[str] = field(default_factory=set)
    called: Counter[CodeType] = field(default_factory=Counter)
    leading: set[CodeType] = field(default_factory=set)
    invocations: int = 0

    @property
    def calls(self) -> int:
        """How many calls went from one file to another."""
        return self.called.total()

    @property
    def calls_without_leaves(self) -> float:
        """Such calls of functions that lead to another file, per invocation."""
        followed = sum(count for code, count in self.called.items() if code in self.leading)
        return round(followed / self.invocations, 1)

    def note(self, frame: FrameType) -> None:
        """Count a call if it enters another file of the product."""
        to = of_the_product(frame.f_code.co_filename)
        if not to or frame.f_code.co_name == "<module>":
            return
        self.files.add(to)
        above = frame.f_back
        while above is not None and not of_the_product(above.f_code.co_filename):
            above = above.f_back
        caller = "" if above is None else of_the_product(above.f_code.co_filename)
        if caller != to:
            self.called[frame.f_code] += 1
            while above is not None and of_the_product(above.f_code.co_filename) == caller:
                self.leading.add(above.f_code)
                above = above.f_back

    @contextmanager
    def noted(self) -> Iterator[None]:
        """Note what this thread calls."""

        def profile(frame: FrameType, event: str, _argument: Any) -> None:
            if event == "call":
                self.note(frame)

        before = sys.getprofile()
        sys.setprofile(profile)
        try:
            yield
        finally:
            sys.setprofile(before)


@cache
def of_the_product(file: str) -> str:
    """The file's path in the product, or nothing."""
    return next((file.removeprefix(f"{ROOT}/") for each in PRODUCT if file.startswith(each)), "")


def walked(system: System, act: Callable[[], object], function: str = "") -> Walk:
    """Let something happen until all has come to rest; note what a function, or all of them, do."""
    act()
    system.run()  # modules are imported now
    walk, lambdas = Walk(), system.lambdas
    system.lambdas = Noted(lambdas, walk, function)
    act()
    system.run()
    system.lambdas = lambdas
    return walk


class Noted(Lambdas):
    """The functions, whose calls are noted."""

    def __init__(self, lambdas: Lambdas, walk: Walk, function: str) -> None:
        """Note one function, or all if it has no name."""
        super().__init__(lambdas._template, lambdas._calls)
        self._lambdas, self._walk, self._function = lambdas, walk, function

    def invoke(self, name: str, payload: bytes) -> bytes:
        """Invoke a function."""
        if self._function not in self.find(name).logical_id:
            return self._lambdas.invoke(name, payload)
        self._walk.invocations += 1
        with self._walk.noted():
            return self._lambdas.invoke(name, payload)


def a_command() -> Walk:
    """Walk from the request to the notice that the version is applied."""
    numbers = count()

    def publish() -> None:
        body = {"type": "ORDER", "code": f"o-{next(numbers)}", "name": "An order"}
        attributes = {"customer": "ada", "lines": [{"sku": "BOOK", "quantity": 2}], "total": 40}
        status, answer = system.api("POST", "/commands", {**body, "attributes": attributes})
        assert status == HTTPStatus.ACCEPTED, answer

    with WholeSystem(express=None) as system:
        return walked(system, publish)


def a_row() -> Walk:
    """Walk from the start of an import of one row to its notice."""
    with WholeSystem(express=None) as system:
        return walked(system, lambda: system.start(AIRPORT))


def a_step() -> Walk:
    """Walk through the function of one step of a saga, which publishes one command."""
    numbers = count()
    with SagaSystem() as system:
        system.stock("BOOK", 5)
        return walked(
            system, lambda: system.start(an_order(order=f"o-{next(numbers)}")), "ChargePayment"
        )


def figures() -> list[Figure]:
    """Return the files and the calls of each walk."""
    with silent():
        walks = {
            "a command": (a_command(), BEFORE_A_COMMAND),
            "an imported row": (a_row(), BEFORE_A_ROW),
            "a saga step": (a_step(), BEFORE_A_STEP),
        }
    found = []
    for name, (walk, (files, calls)) in walks.items():
        found += [
            Figure(f"{name}: files", len(walk.files), "files", peer=f"{files} before"),
            Figure(f"{name}: calls", walk.calls, "calls", peer=f"{calls} before"),
            Figure(f"{name}: without leaves, per invocation", walk.calls_without_leaves, "calls"),
        ]
    return found


if __name__ == "__main__":
    main("The walk through the code: files, and calls from one file to another", figures)
