"""Check each case and print docs/model.md's table: `.venv/bin/python -m tests.tla`."""

import tempfile
import time
from pathlib import Path

from tests.tla.cases import DEEPER, LEFT_OUT, RECORDED, USUAL
from tests.tla.checker import Case, Seen, accepted, check
from tests.tla.recording import traces


def main() -> None:
    """Print one row for each case."""
    print("| case | states | broken | seconds |\n|---|---|---|---|")
    for case in [*USUAL, *DEEPER, *(case for case, _ in LEFT_OUT.values())]:
        began = time.perf_counter()
        verdict = check(case, _folder())
        taken = time.perf_counter() - began
        print(f"| {case} | {verdict.states:,} | {verdict.broken or 'none'} | {taken:.0f} |")
    print("\n| recorded case | traces | accepted |\n|---|---|---|")
    for case in RECORDED:
        recorded = traces(case)
        print(f"| {case} | {len(recorded)} | {_number(case, recorded)} |")


def _number(case: Case, recorded: list[list[Seen]]) -> int:
    return len(accepted(case, recorded, _folder()))


def _folder() -> Path:
    return Path(tempfile.mkdtemp(prefix="tla-"))


if __name__ == "__main__":
    main()
