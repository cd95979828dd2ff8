"""The diagrams of the docs; a test that says why a machine is wrong comes before."""

import json
import re
from pathlib import Path

from tests.template.stack import EXAMPLE, ROOT

from sfn_local.graph import mermaid

OF_EXAMPLE = "order-saga"
MACHINES = sorted((ROOT / "statemachine").glob("*.asl.json"))
MOST_OF_ONE_MACHINE = 9
PAGES = "\n".join(
    (ROOT / f"docs/{name}.md").read_text(encoding="utf-8")
    for name in ("architecture", "machines", "machines-of-data")
)


def test_the_diagrams_are_drawn_from_the_machines() -> None:
    drawn = dict(re.findall(r"<!-- graph: (\S+) -->\n```mermaid\n(.*?)```", PAGES, re.S))
    deployed, of_example = machines(ROOT), machines(EXAMPLE)

    assert {name: text.strip() for name, text in drawn.items()} == {
        name: text for name, text in {**of_example, **deployed}.items() if name in drawn
    }
    assert {*deployed, OF_EXAMPLE} - drawn.keys() == set()  # whoever adds a workflow draws none


def test_a_page_leads_from_each_state_to_its_function_and_its_test() -> None:
    machines = {path.stem.removesuffix(".asl").replace("-", "_") for path in MACHINES}
    rooms = machines & {room.name for room in (ROOT / "layer/sfn_cqrs/machines").iterdir()}
    functions = sorted(path for room in rooms for path in ROOT.glob(f"functions/{room}/*/app.py"))

    assert len(functions) > MOST_OF_ONE_MACHINE
    assert [
        link
        for code in functions
        for link in (f"](../{code.relative_to(ROOT)})", f"](../{unit_test(code)})")
        if link not in PAGES
    ] == []


def unit_test(code: Path) -> str:
    """Return the path of the unit test of a state's function, below the root."""
    return f"tests/unit/{code.parts[-3]}/test_{code.parts[-2]}.py"


def machines(folder: Path) -> dict[str, str]:
    """Return the diagram of each machine of a project, by its name."""
    return {
        path.name.removesuffix(".asl.json"): mermaid(
            json.loads(path.read_text(encoding="utf-8"))
        ).strip()
        for path in (folder / "statemachine").glob("*.asl.json")
    }
