"""Reports of results: a table, JUnit's XML, files that repeat a failure."""

import json
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

from sfn_local.conformance.cases import LEVELS
from sfn_local.conformance.runner import Result
from sfn_local.junit import Outcome
from sfn_local.junit import junit as junit_of

Counts = dict[str, dict[str, tuple[int, int]]]


def count(results: Iterable[Result]) -> Counts:
    """How many cases of each area and level passed, of how many."""
    counts: dict[str, dict[str, list[int]]] = defaultdict(lambda: {each: [0, 0] for each in LEVELS})
    for result in results:
        entry = counts[result.case.area][result.case.level]
        entry[0] += result.has_passed
        entry[1] += 1
    return {
        area: {level: (passed, of) for level, (passed, of) in levels.items()}
        for area, levels in counts.items()
    }


def total(levels: dict[str, tuple[int, int]]) -> tuple[int, int]:
    """Passed, and of how many, over all of them."""
    return sum(passed for passed, _ in levels.values()), sum(of for _, of in levels.values())


def table(results: list[Result]) -> str:
    """A line for each area, and the sum."""
    counts = count(results)
    width = max(len("area"), *map(len, counts), 0)
    rows = [(area, levels) for area, levels in sorted(counts.items())]
    summed = {level: total({area: levels[level] for area, levels in rows}) for level in LEVELS}
    lines = [f"{'area':<{width}}  {'must':>9}  {'should':>9}  {'text':>9}  {'all':>9}"]
    for area, levels in [*rows, ("all", summed)]:
        cells = [levels[level] for level in LEVELS] + [total(levels)]
        shown = "  ".join(f"{f'{passed}/{of}' if of else '–':>9}" for passed, of in cells)
        lines.append(f"{area:<{width}}  {shown}")
    return "\n".join(lines)


def junit(results: list[Result]) -> str:
    """Return the results as JUnit's XML, a suite for each area."""
    suites: dict[str, list[Outcome]] = defaultdict(list)
    for result in results:
        case = result.case
        of, title = f"{case.area}.{case.level}", f"{case.title} ({case.source})"
        outcome = Outcome(case.id, of, result.seconds, title, tuple(result.complaints))
        suites[case.area].append(outcome)
    return junit_of("sfn-local conform", suites)


def write_failures(results: list[Result], folder: Path) -> None:
    """Each failed case as a file that `sfn-local conform --cases FILE` repeats."""
    folder.mkdir(parents=True, exist_ok=True)
    for result in results:
        if not result.has_passed:
            data = {**result.case.as_file(), "complaints": list(result.complaints)}
            text = json.dumps(data, ensure_ascii=False, indent=1)
            (folder / f"{result.case.id}.json").write_text(text + "\n", "utf-8")
