"""A layered layout: ranks from top to bottom, few crossings, straight long edges.

The method of Sugiyama, Tagawa and Toda: take back edges away, rank by the longest path, split
long edges with dummies, order each rank by the positions of its neighbours, then place each
rank as near to its neighbours as the widths allow.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

RANK_GAP = 30.0
NODE_GAP = 34.0
DUMMY_WIDTH = 10.0
ORDER_SWEEPS = 12
PLACE_SWEEPS = 16
BOTH_SIDES_SWEEPS = 4
LONG_EDGE_WEIGHT = 8.0

DUMMY = "\0"

Point = tuple[float, float]
Neighbours = dict[str, dict[str, float]]  # with the weights of the edges


@dataclass(frozen=True, slots=True)
class Box:
    """The size of a node."""

    width: float
    height: float


@dataclass(slots=True)
class Placed:
    """A node's centre and size."""

    x: float
    y: float
    width: float
    height: float


@dataclass(slots=True)
class Layout:
    """Where nodes and edges are.

    A route leads from the source's edge to the target's; labels are where those of the edges
    stand, by the edge's position.
    """

    width: float = 0.0
    height: float = 0.0
    nodes: dict[str, Placed] = field(default_factory=dict)
    routes: list[list[Point]] = field(default_factory=list)
    labels: dict[int, Placed] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Link:
    """An edge; the heavier, the straighter. Its label gets a place of its own."""

    source: str
    target: str
    weight: float = 1.0
    label: Box | None = None

    @property
    def ranks(self) -> int:
        """How far its ends are from each other at least."""
        return 1 if self.label is None else 2


def lay_out(boxes: Mapping[str, Box], edges: Sequence[Link], start: str) -> Layout:
    """Place the nodes, and route the edges in their order."""
    return _Layering(boxes, edges, start).layout()


class _Layering:
    def __init__(self, boxes: Mapping[str, Box], edges: Sequence[Link], start: str) -> None:
        self._boxes = dict(boxes)
        self._edges = edges
        self._backward = _find_back_edges(list(boxes), edges, start)
        self._labels: dict[str, int] = {}  # dummy to edge
        self._ranks = self._rank()
        self._chains = [self._split(index) for index in range(len(edges))]
        self._rows = self._initial_rows(start)
        self._above, self._below = self._neighbours()

    def layout(self) -> Layout:
        self._order()
        xs = self._place()
        return self._finish(xs)

    def _oriented(self, index: int) -> tuple[str, str]:
        edge = self._edges[index]
        is_backward = index in self._backward
        return (edge.target, edge.source) if is_backward else (edge.source, edge.target)

    def _rank(self) -> dict[str, int]:
        ranks = dict.fromkeys(self._boxes, 0)
        for _ in range(2 * len(ranks)):
            changed = False
            for index, edge in enumerate(self._edges):
                source, target = self._oriented(index)
                if source != target and ranks[target] < ranks[source] + edge.ranks:
                    ranks[target] = ranks[source] + edge.ranks
                    changed = True
            if not changed:
                break
        return ranks

    def _split(self, index: int) -> list[str]:
        """The nodes that an edge passes, from the upper to the lower one."""
        upper, lower = self._oriented(index)
        chain = [upper]
        for rank in range(self._ranks[upper] + 1, self._ranks[lower]):
            dummy = f"{DUMMY}{index}:{rank}"
            self._boxes[dummy] = Box(DUMMY_WIDTH, 0.0)
            self._ranks[dummy] = rank
            chain.append(dummy)
        label = self._edges[index].label
        if label is not None and upper != lower:
            nearest = chain[-1] if index in self._backward else chain[1]
            self._boxes[nearest] = label
            self._labels[nearest] = index
        return [*chain, lower] if upper != lower else chain

    def _initial_rows(self, start: str) -> list[list[str]]:
        rows: list[list[str]] = [[] for _ in range(max(self._ranks.values(), default=0) + 1)]
        ordered = [start, *(name for name in self._boxes if name != start)]
        for name in ordered:
            if name in self._ranks:
                rows[self._ranks[name]].append(name)
        return rows

    def _neighbours(self) -> tuple[Neighbours, Neighbours]:
        above: Neighbours = {name: {} for name in self._boxes}
        below: Neighbours = {name: {} for name in self._boxes}
        for edge, chain in zip(self._edges, self._chains, strict=True):
            for upper, lower in pairwise(chain):
                weight = edge.weight
                if upper[0] == DUMMY and lower[0] == DUMMY:
                    weight = LONG_EDGE_WEIGHT
                below[upper][lower] = below[upper].get(lower, 0.0) + weight
                above[lower][upper] = above[lower].get(upper, 0.0) + weight
        return above, below

    def _order(self) -> None:
        best, fewest = [list(row) for row in self._rows], self._crossings()
        for sweep in range(ORDER_SWEEPS):
            downwards = sweep % 2 == 0
            neighbours = self._above if downwards else self._below
            rows = self._rows if downwards else self._rows[::-1]
            for fixed, moving in pairwise(rows):
                _sort_by_neighbours(moving, fixed, neighbours)
            crossings = self._crossings()
            if crossings < fewest:
                best, fewest = [list(row) for row in self._rows], crossings
        self._rows = best

    def _crossings(self) -> int:
        total = 0
        for upper, lower in pairwise(self._rows):
            position = {name: index for index, name in enumerate(lower)}
            ends = [
                position[target]
                for name in upper
                for target in sorted(self._below[name], key=position.__getitem__)
            ]
            total += sum(
                1
                for first in range(len(ends))
                for second in ends[first + 1 :]
                if ends[first] > second
            )
        return total

    def _place(self) -> dict[str, float]:
        xs: dict[str, float] = {}
        for row in self._rows:
            xs |= self._place_row(row, dict.fromkeys(row, 0.0))
        for sweep in range(PLACE_SWEEPS):
            rows = self._rows if sweep % 2 == 0 else self._rows[::-1]
            for row in rows:
                xs |= self._place_row(row, {name: self._wish(name, xs, sweep) for name in row})
        return xs

    def _wish(self, name: str, xs: Mapping[str, float], sweep: int) -> float:
        near = self._above[name] if sweep % 2 == 0 else self._below[name]
        if sweep >= PLACE_SWEEPS - BOTH_SIDES_SWEEPS:
            near = self._above[name] | self._below[name]
        if not near:
            return xs[name]
        return sum(xs[other] * weight for other, weight in near.items()) / sum(near.values())

    def _place_row(self, row: Sequence[str], wishes: Mapping[str, float]) -> dict[str, float]:
        """The places nearest to the wishes, in the sense of least squares, without overlap."""
        offsets: list[float] = []
        for position, name in enumerate(row):
            if position == 0:
                offsets.append(0.0)
                continue
            before = self._boxes[row[position - 1]]
            distance = (before.width + self._boxes[name].width) / 2 + NODE_GAP
            offsets.append(offsets[-1] + distance)
        targets = [wishes[name] - offset for name, offset in zip(row, offsets, strict=True)]
        placed = _non_decreasing(targets)
        return {name: x + offset for name, x, offset in zip(row, placed, offsets, strict=True)}

    def _finish(self, xs: Mapping[str, float]) -> Layout:
        layout = Layout()
        left = min((xs[name] - box.width / 2 for name, box in self._boxes.items()), default=0.0)
        y = 0.0
        rows: dict[str, tuple[float, float]] = {}
        for row in self._rows:
            height = max((self._boxes[name].height for name in row), default=0.0)
            for name in row:
                box = self._boxes[name]
                middle = y + box.height / 2
                layout.nodes[name] = Placed(xs[name] - left, middle, box.width, box.height)
                rows[name] = (y, y + height)
            y += height + RANK_GAP
        layout.height = max(y - RANK_GAP, 0.0)
        layout.width = max((node.x + node.width / 2 for node in layout.nodes.values()), default=0.0)
        layout.routes = [
            self._route(index, layout.nodes, rows) for index in range(len(self._edges))
        ]
        layout.labels = {index: layout.nodes[name] for name, index in self._labels.items()}
        layout.nodes = {name: at for name, at in layout.nodes.items() if name[0] != DUMMY}
        return layout

    def _route(
        self, index: int, nodes: Mapping[str, Placed], rows: Mapping[str, tuple[float, float]]
    ) -> list[Point]:
        """From edge to edge; straight down through the rows between, so as to touch no node."""
        chain = self._chains[index]
        if len(chain) == 1:
            return []
        upper, lower = nodes[chain[0]], nodes[chain[-1]]
        bottom = upper.y + upper.height / 2
        points = [(upper.x, bottom)]
        if bottom < rows[chain[0]][1]:
            points.append((upper.x, rows[chain[0]][1]))
        for name in chain[1:-1]:
            points += [(nodes[name].x, rows[name][0]), (nodes[name].x, rows[name][1])]
        points.append((lower.x, lower.y - lower.height / 2))
        return points[::-1] if index in self._backward else points


def _find_back_edges(names: Sequence[str], edges: Sequence[Link], start: str) -> set[int]:
    """The edges that lead back to a state that is still being followed, depth first."""
    leaving: dict[str, list[tuple[int, str]]] = {name: [] for name in names}
    for index, edge in enumerate(edges):
        leaving[edge.source].append((index, edge.target))
    backward: set[int] = set()
    done: set[str] = set()
    for root in [start, *names]:
        if root not in leaving or root in done:
            continue
        path, following = {root}, [(root, iter(leaving[root]))]
        while following:
            name, ways = following[-1]
            step = next(ways, None)
            if step is None:
                following.pop()
                path.discard(name)
                done.add(name)
                continue
            index, target = step
            if target in path:
                backward.add(index)
            elif target not in done:
                path.add(target)
                following.append((target, iter(leaving[target])))
    return backward


def _sort_by_neighbours(moving: list[str], fixed: Sequence[str], neighbours: Neighbours) -> None:
    position = {name: index for index, name in enumerate(fixed)}
    own = {name: index for index, name in enumerate(moving)}

    def key(name: str) -> float:
        near = [position[other] for other in neighbours[name] if other in position]
        return sum(near) / len(near) if near else float(own[name])

    moving.sort(key=key)


def _non_decreasing(values: Iterable[float]) -> list[float]:
    """The non-decreasing sequence nearest to the values: pool adjacent violators."""
    blocks: list[tuple[float, int]] = []
    for value in values:
        mean, size = value, 1
        while blocks and blocks[-1][0] > mean:
            other, other_size = blocks.pop()
            mean = (mean * size + other * other_size) / (size + other_size)
            size += other_size
        blocks.append((mean, size))
    return [mean for mean, size in blocks for _ in range(size)]
