"""The command line, run in this process."""

import json
import sys
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
from tests.support.orders import REGION

from sfn_cqrs_tools.cli import main
from sfn_cqrs_tools.project import CHECKOUT


class Result(NamedTuple):
    """How a command ended, and what it printed."""

    code: int
    output: str
    error: str

    @property
    def json(self) -> Any:
        return json.loads(self.output)


def line_of_orders() -> int:
    """Where the region stands in the example's orders."""
    lines = (CHECKOUT / "examples/shop/app/shop/orders.py").read_text(encoding="utf-8").splitlines()
    return 1 + [line.strip() for line in lines].index(REGION)


def command_line(
    monkeypatch: Any, captured: Any, *, before: str = "", after: Any = ()
) -> Callable[..., Result]:
    """Return what runs a command; `before` is its group, `after` are options of every call."""

    def run(*arguments: object) -> Result:
        line = ["sfn-cqrs", *filter(None, [before]), *map(str, (*arguments, *after))]
        monkeypatch.setattr(sys, "argv", line)
        captured.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        sys.stdout.flush()
        printed = (
            each if isinstance(each, str) else each.decode() for each in captured.readouterr()
        )
        code: Any = ended.value.code
        return Result(code, *printed)

    return run
