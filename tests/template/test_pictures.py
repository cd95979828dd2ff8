"""The diagrams of the docs; a test that says why a machine is wrong comes before."""

import json
import re

from tests.template.stack import EXAMPLE, ROOT

from sfn_local.graph import mermaid


def test_the_diagrams_are_drawn_from_the_machines() -> None:
    architecture = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
    drawn = dict(re.findall(r"<!-- graph: (\S+) -->\n```mermaid\n(.*?)```", architecture, re.S))
    machines = {
        path.name.removesuffix(".asl.json"): mermaid(json.loads(path.read_text(encoding="utf-8")))
        for folder in (ROOT, EXAMPLE)
        for path in (folder / "statemachine").glob("*.asl.json")
    }

    assert {name: text.strip() for name, text in drawn.items()} == {
        name: text.strip() for name, text in machines.items()
    }
