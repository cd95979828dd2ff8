"""The bill of a stack that does nothing, as tests/bench/cost.py reckons it from the template."""

import json
import re
from pathlib import Path
from types import ModuleType

import pytest
from tests.support.benchmarks import benchmark, rows_of
from tests.template.stack import ROOT

from sfn_cqrs_tools.client.executions import OF_THE_FRAMEWORK
from sfn_cqrs_tools.runtime.template import Template
from sfn_cqrs_tools.scaffold.machine import Workflow
from sfn_cqrs_tools.scaffold.template_entries import with_workflow
from sfn_local.lint.template_file import load_yaml

CAPACITY = (ROOT / "docs/capacity.md").read_text(encoding="utf-8")


@pytest.fixture
def cost(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    return benchmark("cost", monkeypatch)


def test_an_idle_stack_costs_at_most_ten_dollars_and_what_the_pages_say(
    cost: ModuleType,
) -> None:
    documented = {name: float(value) for name, (value, *_) in rows_of("cost").items()}
    template = of_the_framework(cost._deployed(cost.IN_PROD))
    of_parts = {f"idle: {name}": one for name, one in cost._idle(template).items()}

    assert {name: documented[name] for name in of_parts} == pytest.approx(of_parts, rel=1e-3)
    assert documented["idle, all"] == pytest.approx(sum(of_parts.values()), rel=1e-3)
    assert documented["idle, all"] <= cost.IDLE
    assert documented["commands, all"] <= cost.LOADED


def of_the_framework(template: Template) -> Template:
    """The template without what names a workflow that somebody added: it costs its owner."""
    machines = [
        one.logical_id for name, one in template.machines.items() if name not in OF_THE_FRAMEWORK
    ]
    ends = [f"EventOn{one.removesuffix('StateMachine')}EndedFunction" for one in machines]
    added = [f'"{one}"' for one in (*machines, *ends)]
    resources = {
        name: resource
        for name, resource in template.document["Resources"].items()
        if not any(machine in json.dumps(resource, default=str) for machine in added)
    }
    document = {**template.document, "Resources": resources}
    return Template(document, template.root, parameters=template.overrides)


def test_a_workflow_that_somebody_adds_is_not_on_the_bill_of_the_framework(
    cost: ModuleType, tmp_path: Path
) -> None:
    alone = cost._deployed(cost.IN_PROD)
    text = (ROOT / "template.yaml").read_text(encoding="utf-8")
    (tmp_path / "template.yaml").write_text(
        with_workflow(text, Workflow("only-on-paper", ("weigh",))), encoding="utf-8"
    )
    grown = Template(load_yaml(tmp_path / "template.yaml"), ROOT, parameters=alone.overrides)

    assert cost._alarm_metrics(grown) == cost._alarm_metrics(alone) + 2
    assert cost._idle(of_the_framework(grown)) == cost._idle(of_the_framework(alone))


def test_the_pages_quote_the_bill() -> None:
    idle, loaded, silent = (
        float(rows_of("cost")[name][0])
        for name in ("idle, all", "commands, all", "commands, all, Notices=disabled")
    )
    benchmarks = (ROOT / "docs/benchmarks.md").read_text(encoding="utf-8")

    assert f"a million commands cost {loaded:.2f} dollars ({silent:.2f} without" in benchmarks
    assert f"An idle production stack costs {idle:.2f} dollars a month" in benchmarks
    assert f"an idle production stack: {idle:.2f} dollars a month" in CAPACITY
    assert re.search(rf"read model cost about {loaded:.0f} dollars", CAPACITY)


def test_the_readme_rounds_what_the_benchmarks_print() -> None:
    """To one digit, or two if the first is 1 or 2: the rest says nothing to a first reader."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    table = readme.split("\n## What it costs", 1)[1].split("\n\n")[2]
    quoted = dict(re.findall(r"^\| (.+?) \| .+? \| (.+) \|$", table, re.M))
    cost, scale, imports = map(rows_of, ("cost", "scale", "import"))
    commands, rows = (
        [rounded(scale[f"{what}, {how}, tenants: 1"][0]) for how in ("raised", "as deployed")]
        for what in ("express lane, large region", "import")
    )
    median = re.search(r"p50 (\S+ s)", scale["express lane, large region, raised, tenants: 1"][1])
    local = rows_of("command")["publish to read model, alone, median, express lane"]

    assert median is not None
    assert quoted == {
        "what": "figure",
        "an idle production stack": f"{rounded(cost['idle, all'][0])} dollars a month",
        "a million commands, everything included": f"{rounded(cost['commands, all'][0])} dollars",
        "a million imported rows": (
            f"{rounded(imports['a million created rows, all services'][0])} dollars"
        ),
        "commands a second": "; ".join(commands),
        "imported rows a second for one tenant": "; ".join(rows),
        "from publish to the end of a command, median": median[1],
        "from publish to read model, median": f"{rounded(local[0])} {local[1]}",
    }


def rounded(printed: str) -> str:
    """Return a figure with as many digits as a first reader needs."""
    value = float(printed.replace(",", ""))
    digits = 2 if f"{value:e}"[0] in "12" else 1
    return f"{float(f'{value:.{digits}g}'):,.0f}"
