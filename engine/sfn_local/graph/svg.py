"""A definition as an SVG picture."""

from dataclasses import dataclass, field
from html import escape
from itertools import pairwise
from pathlib import Path

from sfn_local.document import Json
from sfn_local.graph.layout import Box, Layout, Link, Placed, Point, lay_out
from sfn_local.graph.model import Edge, Graph, Node, read_graph
from sfn_local.graph.taken import Taken

CHARACTER_WIDTH = 8.2
LABEL_CHARACTER_WIDTH = 6.8
LABEL_HEIGHT = 16.0
NODE_HEIGHT = 44.0
NODE_PADDING = 40.0
SMALLEST_WIDTH = 110.0
INNER_PADDING = 22.0
START_SIZE = 14.0
MARGIN = 24.0
BRANCH_GAP = 26.0
LOOP_SIZE = 26.0
FLOW_WEIGHT = 6.0
CATCH_WEIGHT = 0.5
START = "\1start"

HERE = Path(__file__).parent
STYLE, TAKEN_STYLE = ((HERE / name).read_text("utf-8") for name in ("style.css", "taken.css"))

MARKER = (
    '<marker id="{}" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="10" markerHeight="10" '
    'markerUnits="userSpaceOnUse" orient="auto">'
    '<path class="{}" d="M0 0L8 4L0 8z" fill="{}"/></marker>'
)
ARROW = MARKER.format("arrow", "head", "#475569")
CAUGHT = MARKER.format("caught", "back", "#d64545")
MARKERS = f"<defs>{ARROW}{CAUGHT}</defs>"


def svg(definition: Json, path: Taken | None = None, *, is_bare: bool = False) -> str:
    """An SVG picture of a definition; the path of an execution is coloured.

    A bare one has no colours and no background: the page around it has a style for its
    classes, and finds a state by its attribute data-state.

    Raises:
        ValueError: the definition has no states.
    """
    drawing = _draw(read_graph(definition), path)
    width, height = drawing.layout.width + 2 * MARGIN, drawing.layout.height + 2 * MARGIN
    style = STYLE if path is None else STYLE + TAKEN_STYLE
    ground = f'<style>{style}</style>\n<rect width="100%" height="100%" fill="#ffffff"/>\n'
    body = "\n".join(drawing.parts(MARGIN, MARGIN))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" '
        f'width="{width:.0f}" height="{height:.0f}">\n{"" if is_bare else ground}{MARKERS}\n'
        f"{body}\n</svg>\n"
    )


@dataclass
class _Drawing:
    """A graph with its places; inner drawings by the name of their state."""

    graph: Graph
    layout: Layout
    edges: list[Edge]
    inner: dict[str, list["_Drawing"]] = field(default_factory=dict)
    path: Taken | None = None

    def parts(self, left: float, top: float) -> list[str]:
        parts: list[str] = []
        for edge, route in zip(self.edges, self.layout.routes, strict=True):
            moved = [(x + left, y + top) for x, y in route]
            parts.append(self._edge(edge, moved, left, top))
        for name, placed in self.layout.nodes.items():
            parts += self._node(name, placed, left, top)
        for index, placed in self.layout.labels.items():
            parts.append(_label(self.edges[index].label, placed, left, top))
        return parts

    def _edge(self, edge: Edge, route: list[Point], left: float, top: float) -> str:
        kind, marker = ("edge catch", "caught") if edge.is_catch else ("edge", "arrow")
        kind += self._way(edge)
        if not route:
            placed = self.layout.nodes[edge.source]
            path = _loop(left + placed.x + placed.width / 2, top + placed.y)
        else:
            path = _curve(route)
        return f'<path class="{kind}" d="{path}" marker-end="url(#{marker})"/>'

    def _way(self, edge: Edge) -> str:
        if self.path is None:
            return ""
        source = "" if edge.source == START else edge.source
        was_taken = self.path.has(source, edge.target, is_catch=edge.is_catch)
        return " passed" if was_taken else " missed"

    def _node(self, name: str, placed: Placed, left: float, top: float) -> list[str]:
        x, y = left + placed.x, top + placed.y
        if name == START:
            return [f'<circle class="start" cx="{x:.1f}" cy="{y:.1f}" r="{START_SIZE / 2}"/>']
        node = self.graph.nodes[name]
        x, y = x - placed.width / 2, y - placed.height / 2
        if node.inner:
            return self._group(node, x, y, placed)
        return [_node_box(node, x, y, placed.width, self.path)]

    def _group(self, node: Node, x: float, y: float, placed: Placed) -> list[str]:
        parts = [
            f'<rect class="group" x="{x:.1f}" y="{y:.1f}" width="{placed.width:.1f}" '
            f'height="{placed.height:.1f}" rx="10"/>',
            _node_box(node, x, y, placed.width, self.path),
        ]
        drawings = self.inner[node.name]
        inside = sum(drawing.layout.width for drawing in drawings)
        inside += (BRANCH_GAP + 2 * INNER_PADDING) * (len(drawings) - 1)
        inner_left = x + (placed.width - inside) / 2
        inner_top = y + NODE_HEIGHT + INNER_PADDING
        tallest = max(drawing.layout.height for drawing in drawings)
        for drawing in drawings:
            if len(drawings) > 1:
                parts.append(_branch_box(inner_left, inner_top, drawing.layout.width, tallest))
            parts += drawing.parts(inner_left, inner_top)
            inner_left += drawing.layout.width + BRANCH_GAP + 2 * INNER_PADDING
        return parts


def _draw(graph: Graph, path: Taken | None) -> _Drawing:
    inner = {
        name: [_draw(inside, path) for inside in node.inner]
        for name, node in graph.nodes.items()
        if node.inner
    }
    boxes = {START: Box(START_SIZE, START_SIZE)}
    boxes |= {name: _box(node, inner.get(name, [])) for name, node in graph.nodes.items()}
    edges = [Edge(START, graph.start), *_without_doubles(graph.edges)]
    links = [
        Link(
            edge.source,
            edge.target,
            CATCH_WEIGHT if edge.is_catch else FLOW_WEIGHT,
            Box(len(edge.label) * LABEL_CHARACTER_WIDTH + 8, LABEL_HEIGHT) if edge.label else None,
        )
        for edge in edges
    ]
    layout = lay_out(boxes, links, START)
    return _Drawing(graph, layout, edges, inner, path)


def _without_doubles(edges: list[Edge]) -> list[Edge]:
    """Edges with the same ends drawn as one, with all their labels."""
    merged: dict[tuple[str, str, bool], list[str]] = {}
    for edge in edges:
        labels = merged.setdefault((edge.source, edge.target, edge.is_catch), [])
        labels += [edge.label] if edge.label else []
    return [
        Edge(source, target, " · ".join(labels), is_catch)
        for (source, target, is_catch), labels in merged.items()
    ]


def _box(node: Node, inner: list[_Drawing]) -> Box:
    longest = max(len(node.name), round(len(node.detail) * 0.9))
    width = max(SMALLEST_WIDTH, longest * CHARACTER_WIDTH + NODE_PADDING)
    if not inner:
        return Box(width, NODE_HEIGHT)
    inside = sum(drawing.layout.width + 2 * INNER_PADDING for drawing in inner)
    inside += BRANCH_GAP * (len(inner) - 1)
    tallest = max(drawing.layout.height for drawing in inner)
    return Box(max(width, inside), NODE_HEIGHT + tallest + 2 * INNER_PADDING)


def _node_box(node: Node, x: float, y: float, width: float, path: Taken | None) -> str:
    radius = NODE_HEIGHT / 2 if node.type in ("Succeed", "Fail") else 7
    middle = x + width / 2 + 4
    lines = [_text("name", node.name, middle, y + (19 if node.detail else 27))]
    lines += [_text("detail", node.detail, middle, y + 34)] if node.detail else []
    kind, title = escape(node.type), escape(node.type)
    if path is not None:
        kind += f" {path.outcome(node.name)}"
        visits = path.visits.get(node.name, 0)
        title += f", entered {visits} times"
        lines += [_text("visits", f"×{visits}", x + width - 16, y + 14)] if visits > 1 else []
    return (
        f'<g class="node {kind}" data-state="{escape(node.name)}"><title>{title}</title>'
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{NODE_HEIGHT}" rx="{radius}"/>'
        f'<rect class="stripe" x="{x + 12:.1f}" y="{y + 14:.1f}" width="4" height="16" rx="2"/>'
        f"{''.join(lines)}</g>"
    )


def _text(kind: str, text: str, x: float, y: float) -> str:
    return (
        f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" text-anchor="middle">{escape(text)}</text>'
    )


def _branch_box(x: float, y: float, width: float, height: float) -> str:
    pad = INNER_PADDING / 2
    return (
        f'<rect class="branch" x="{x - pad:.1f}" y="{y - pad:.1f}" '
        f'width="{width + 2 * pad:.1f}" height="{height + 2 * pad:.1f}" rx="8"/>'
    )


def _curve(points: list[Point]) -> str:
    """A curve through the points that is vertical at each of them."""
    path = f"M{points[0][0]:.1f} {points[0][1]:.1f}"
    for (x1, y1), (x2, y2) in pairwise(points):
        middle = (y1 + y2) / 2
        path += f"C{x1:.1f} {middle:.1f} {x2:.1f} {middle:.1f} {x2:.1f} {y2:.1f}"
    return path


def _loop(x: float, y: float) -> str:
    """A loop at the right of a node, from its edge back to it."""
    far = x + LOOP_SIZE
    return f"M{x:.1f} {y - 8:.1f}C{far:.1f} {y - 20:.1f} {far:.1f} {y + 20:.1f} {x:.1f} {y + 8:.1f}"


def _label(text: str, placed: Placed, left: float, top: float) -> str:
    x, y = left + placed.x, top + placed.y
    return (
        f'<rect class="label-back" x="{x - placed.width / 2:.1f}" y="{y - LABEL_HEIGHT / 2:.1f}" '
        f'width="{placed.width:.1f}" height="{LABEL_HEIGHT}" rx="3"/>'
        f"{_text('label', text, x, y + 4)}"
    )
