"""The diagrams of the docs; a test that says why a machine is wrong comes before."""

import json
import re
from pathlib import Path

from tests.template.stack import EXAMPLE, ROOT

from sfn_local.graph import mermaid

OF_EXAMPLE = "order-saga"


def test_the_diagrams_are_drawn_from_the_machines() -> None:
    architecture = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
    drawn = dict(re.findall(r"<!-- graph: (\S+) -->\n```mermaid\n(.*?)```", architecture, re.S))
    deployed, of_example = machines(ROOT), machines(EXAMPLE)

    assert {name: text.strip() for name, text in drawn.items()} == {
        name: text for name, text in {**of_example, **deployed}.items() if name in drawn
    }
    assert {*deployed, OF_EXAMPLE} - drawn.keys() == set()  # whoever adds a workflow draws none


def machines(folder: Path) -> dict[str, str]:
    """Return the diagram of each machine of a project, by its name."""
    return {
        path.name.removesuffix(".asl.json"): mermaid(
            json.loads(path.read_text(encoding="utf-8"))
        ).strip()
        for path in (folder / "statemachine").glob("*.asl.json")
    }
