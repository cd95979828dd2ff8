"""The benchmarks, and the tables of docs/benchmarks.md, which are pasted from what they print."""

from types import ModuleType

import pytest
from tests.support.scripts import script
from tests.template.stack import ROOT


def benchmark(name: str, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """A benchmark as a module."""
    monkeypatch.syspath_prepend(str(ROOT / "tests/bench"))
    return script(ROOT / f"tests/bench/{name}.py")


def rows_of(bench: str) -> dict[str, tuple[str, ...]]:
    """Return the cells beside each figure of a benchmark, by the figure's name."""
    text = (ROOT / "docs/benchmarks.md").read_text(encoding="utf-8")
    _, table = text.split(f"<!-- bench: {bench} -->\n")
    lines = table.partition("\n\n")[0].splitlines()[2:]
    rows = [tuple(cell.strip() for cell in line.strip("|").split("|")) for line in lines]
    return {name: tuple(cells) for name, *cells in rows}
