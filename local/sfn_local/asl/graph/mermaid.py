"""A definition as a Mermaid flowchart."""

from collections.abc import Iterator
from itertools import count

from sfn_local.asl.document import Json
from sfn_local.asl.graph.model import Edge, Graph, Node, read_graph

SHAPES = {
    "Choice": ('{"', '"}'),
    "Wait": ('{{"', '"}}'),
    "Succeed": ('(["', '"])'),
    "Fail": ('(["', '"])'),
}
BOX = ('["', '"]')

ENTITIES = {'"': "&quot;", "<": "&lt;", ">": "&gt;", "#": "&#35;", "`": "&#96;"}

STYLES = (
    "classDef succeed fill:#e3f4e8,stroke:#2f855a,color:#1c4532",
    "classDef fail fill:#fde8e8,stroke:#c53030,color:#742a2a",
    "classDef choice fill:#fdf3d8,stroke:#b7791f,color:#5f370e",
    "classDef wait fill:#e9e5fb,stroke:#6b46c1,color:#3c2a74",
)


def mermaid(definition: Json) -> str:
    """A Mermaid flowchart of a definition.

    Raises:
        ValueError: the definition has no states.
    """
    writer = _Writer()
    lines = ["flowchart TD", *writer.graph(read_graph(definition), "  ")]
    return "\n".join([*lines, *(f"  {style}" for style in STYLES), ""])


class _Writer:
    def __init__(self) -> None:
        self._numbers = count(1)

    def graph(self, graph: Graph, indent: str) -> Iterator[str]:
        ids = {name: f"s{next(self._numbers)}" for name in graph.nodes}
        start = f"start{next(self._numbers)}"
        yield f"{indent}{start}(( ))"
        for name, node in graph.nodes.items():
            yield from self._node(node, ids[name], indent)
        if graph.start in ids:
            yield f"{indent}{start} --> {ids[graph.start]}"
        for edge in graph.edges:
            yield f"{indent}{_arrow(edge, ids)}"

    def _node(self, node: Node, identity: str, indent: str) -> Iterator[str]:
        label = _escape(f"{node.name} · {node.detail}" if node.detail else node.name)
        if not node.inner:
            before, after = SHAPES.get(node.type, BOX)
            styled = f":::{node.type.lower()}" if node.type in SHAPES else ""
            yield f"{indent}{identity}{before}{label}{after}{styled}"
            return
        yield f'{indent}subgraph {identity}["{label}"]'
        for inner in node.inner:
            yield from self.graph(inner, f"{indent}  ")
        yield f"{indent}end"


def _arrow(edge: Edge, ids: dict[str, str]) -> str:
    arrow = "-.->" if edge.is_catch else "-->"
    label = f'|"{_escape(edge.label)}"|' if edge.label else ""
    return f"{ids[edge.source]} {arrow}{label} {ids[edge.target]}"


def _escape(text: str) -> str:
    return "".join(ENTITIES.get(character, character) for character in text)
