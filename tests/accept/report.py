"""What an acceptance has shown: a line for each check, the bill, and a report in two forms."""

import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.accept.checks import Check, CheckFailedError
from tests.accept.project import CommandError
from tests.accept.stacks import Local, Stack
from tests.support.benchmarks import rows_of

MILLION = 1_000_000
MONTH_SECONDS = 730 * 3600
LEFT, OK, FAILED = "left", "ok", "FAILED"


@dataclass(frozen=True)
class Result:
    """How a check has ended, after how many seconds, and what all has cost until then."""

    number: int
    title: str
    ended: str
    seconds: float
    dollars: float
    found: str
    only_an_account: str

    def __str__(self) -> str:
        """Return a line for people."""
        cost = f"{self.seconds:6.1f} s  {self.dollars:.4f} $"
        return f"{self.number:2} {self.ended:6} {cost}  {self.title}: {self.found}"


def run(stack: Stack, checks: list[Check], began: float) -> Iterator[Result]:
    """Make the checks in their order, and yield the end of each."""
    for check in checks:
        since = time.monotonic()
        ended, found = _ended(stack, check)
        now = time.monotonic()
        dollars = 0.0 if isinstance(stack, Local) else bill(stack.counts, now - began)
        yield Result(check.number, check.title, ended, now - since, dollars, found, check.only)


def _ended(stack: Stack, check: Check) -> tuple[str, str]:
    if isinstance(stack, Local) and not check.is_local:
        return LEFT, f"only an account shows it: {check.only}"
    if check.run is None:
        return LEFT, check.only
    try:
        return OK, check.run(stack)
    except (CheckFailedError, CommandError) as error:
        return FAILED, str(error)
    except Exception as error:  # whatever it is, the other checks are still made
        return FAILED, f"{type(error).__name__}: {error}"


def bill(counts: Mapping[str, int], seconds: float) -> float:
    """Return the dollars of what was counted, at the list prices that tests/bench/cost.py has."""
    figures = {name: float(value) for name, (value, *_) in rows_of("cost").items()}
    commands = counts.get("commands", 0) * figures["commands, all"] / MILLION
    rows = counts.get("rows", 0) * figures["commands, all"] / MILLION  # at most: a row is one
    return commands + rows + figures["idle, all"] * seconds / MONTH_SECONDS


def write(results: list[Result], folder: Path) -> None:
    """Write report.md and report.json."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = [
        f"| {one.number} | {one.title} | {one.ended} | {one.seconds:.1f} s | {one.dollars:.4f} |"
        f" {_cell(one.found)} | {_cell(one.only_an_account)} |"
        for one in results
    ]
    head = "| | check | end | took | dollars so far | found | only an account shows |"
    text = "\n".join(("# Acceptance", "", head, "|---|---|---|---|---|---|---|", *rows, ""))
    (folder / "report.md").write_text(text, encoding="utf-8")
    found = json.dumps([asdict(one) for one in results], indent=2)
    (folder / "report.json").write_text(found + "\n", encoding="utf-8")


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
