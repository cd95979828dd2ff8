"""A definition as a Mermaid flowchart."""

from collections.abc import Iterator
from itertools import count

from sfn_local.document import Json
from sfn_local.graph.model import Edge, Graph, Node, read_graph
from sfn_local.graph.taken import Taken

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
TAKEN_STYLES = (
    "classDef succeeded fill:#dcf3e4,stroke:#2f855a,stroke-width:3px,color:#1c4532",
    "classDef caught fill:#fdf3d8,stroke:#b7791f,stroke-width:3px,color:#5f370e",
    "classDef failed fill:#fde8e8,stroke:#c53030,stroke-width:3px,color:#742a2a",
    "classDef running fill:#dbeafe,stroke:#2563eb,stroke-width:3px,color:#1e3a8a",
    "classDef idle fill:#f8fafc,stroke:#cbd5e1,color:#94a3b8",
)
TAKEN_WAY = "stroke:#2f855a,stroke-width:3px"


def mermaid(definition: Json, path: Taken | None = None) -> str:
    """A Mermaid flowchart of a definition; the path of an execution is coloured.

    Raises:
        ValueError: the definition has no states.
    """
    writer = _Writer(path)
    lines = ["flowchart TD", *writer.graph(read_graph(definition), "  ")]
    styles = [*(STYLES if path is None else TAKEN_STYLES), *writer.way_styles()]
    return "\n".join([*lines, *(f"  {style}" for style in styles), ""])


class _Writer:
    def __init__(self, path: Taken | None) -> None:
        self._numbers = count(1)
        self._path = path
        self._arrows = 0
        self._taken: list[int] = []

    def way_styles(self) -> Iterator[str]:
        if self._taken:
            yield f"linkStyle {','.join(map(str, self._taken))} {TAKEN_WAY}"

    def _count_arrow(self, source: str, target: str, *, is_catch: bool = False) -> None:
        """Mermaid styles arrows by their number in the text."""
        if self._path is not None and self._path.has(source, target, is_catch=is_catch):
            self._taken.append(self._arrows)
        self._arrows += 1

    def graph(self, graph: Graph, indent: str) -> Iterator[str]:
        ids = {name: f"s{next(self._numbers)}" for name in graph.nodes}
        start = f"start{next(self._numbers)}"
        yield f"{indent}{start}(( ))"
        for name, node in graph.nodes.items():
            yield from self._node(node, ids[name], indent)
        if graph.start in ids:
            self._count_arrow("", graph.start)
            yield f"{indent}{start} --> {ids[graph.start]}"
        for edge in graph.edges:
            self._count_arrow(edge.source, edge.target, is_catch=edge.is_catch)
            yield f"{indent}{_arrow(edge, ids)}"

    def _node(self, node: Node, identity: str, indent: str) -> Iterator[str]:
        parts = [node.name, node.detail, self._visits(node)]
        label = _escape(" · ".join(part for part in parts if part))
        if not node.inner:
            before, after = SHAPES.get(node.type, BOX)
            yield f"{indent}{identity}{before}{label}{after}{self._style(node)}"
            return
        yield f'{indent}subgraph {identity}["{label}"]'
        for inner in node.inner:
            yield from self.graph(inner, f"{indent}  ")
        yield f"{indent}end"
        if self._path is not None:
            yield f"{indent}class {identity} {self._path.outcome(node.name)}"

    def _style(self, node: Node) -> str:
        if self._path is not None:
            return f":::{self._path.outcome(node.name)}"
        return f":::{node.type.lower()}" if node.type in SHAPES else ""

    def _visits(self, node: Node) -> str:
        visits = 0 if self._path is None else self._path.visits.get(node.name, 0)
        return f"{visits} times" if visits > 1 else ""


def _arrow(edge: Edge, ids: dict[str, str]) -> str:
    arrow = "-.->" if edge.is_catch else "-->"
    label = f'|"{_escape(edge.label)}"|' if edge.label else ""
    return f"{ids[edge.source]} {arrow}{label} {ids[edge.target]}"


def _escape(text: str) -> str:
    return "".join(ENTITIES.get(character, character) for character in text)
