"""The bill of a stack that does nothing, as bench/cost.py reckons it from the template."""

import importlib.util
import re
from types import ModuleType

import pytest
from tests.support.readme import rows_of
from tests.template.stack import ROOT

OPERATIONS = (ROOT / "docs/operations.md").read_text(encoding="utf-8")


@pytest.fixture
def cost(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(ROOT / "bench"))
    spec = importlib.util.spec_from_file_location("bench_cost", ROOT / "bench/cost.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_an_idle_stack_costs_at_most_ten_dollars_and_what_the_readme_says(
    cost: ModuleType,
) -> None:
    documented = {name: float(value) for name, (value, *_) in rows_of("cost").items()}
    of_parts = {
        f"idle: {name}": one for name, one in cost._idle(cost._deployed(cost.IN_PROD)).items()
    }

    assert {name: documented[name] for name in of_parts} == pytest.approx(of_parts, rel=1e-3)
    assert documented["idle, all"] == pytest.approx(sum(of_parts.values()), rel=1e-3)
    assert documented["idle, all"] <= cost.IDLE
    assert documented["commands, all"] <= cost.LOADED


def test_the_pages_quote_the_bill_of_the_readme() -> None:
    idle, loaded = (float(rows_of("cost")[name][0]) for name in ("idle, all", "commands, all"))
    readme = (ROOT / "README.md").read_text(encoding="utf-8")

    assert f"a million cost {loaded:.2f} dollars" in readme
    assert f"that does nothing {idle:.2f} a month" in readme
    assert f"an idle stack of production costs: {idle:.2f} dollars a month" in OPERATIONS
    assert re.search(rf"projection cost about {loaded:.0f} dollars", OPERATIONS)
