"""A layered layout: ranks from top to bottom, few crossings, straight long edges.

The method of Sugiyama, Tagawa and Toda: take back edges away, rank by the longest path, split
long edges with dummies, order each rank by the positions of its neighbours. Then the main path and
each long edge are lines, straight down, and lines and nodes are as near to their neighbours as the
widths allow.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

RANK_GAP = 30.0
NODE_GAP = 34.0
DUMMY_WIDTH = 10.0
ORDER_SWEEPS = 12
PLACE_SWEEPS = 16
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
        """Where each node is: those of a line one below the other, the others near their own."""
        lines = self._lines()
        line_of = {name: index for index, line in enumerate(lines) for name in line}
        order, apart = self._constraints(line_of)
        xs = _leftmost(order, apart)
        for sweep in range(PLACE_SWEEPS):
            for line in order if sweep % 2 else order[::-1]:
                lowest = max((xs[left] + gap for left, gap in apart.before(line)), default=0.0)
                highest = min((xs[right] - gap for right, gap in apart.after(line)), default=None)
                wish = self._wish(lines[line], line_of, xs)
                x = xs[line] if wish is None else max(wish, lowest)
                xs[line] = x if highest is None else min(x, highest)
        return {name: xs[index] for name, index in line_of.items()}

    def _lines(self) -> list[list[str]]:
        """The nodes that are to be one below the other: the main path, then each long edge.

        A long edge that would have to be on both sides of another line is none: it bends.
        """
        main = self._main_path()
        long_edges = sorted(
            (chain[1:-1] for chain in self._chains if len(chain) > 3),  # noqa: PLR2004 - two between
            key=lambda chain: (-len(chain), chain),
        )
        rest = [name for name in self._boxes if name not in main]
        lines = [main, *([name] for name in rest)]
        for chain in long_edges:
            if set(chain) & set(main):
                continue
            joined = [line for line in lines if not set(line) & set(chain)]
            joined.insert(1, chain)
            if self._is_consistent(joined):
                lines = joined
        return lines

    def _main_path(self) -> list[str]:
        """The way down with the most states by edges that are not catches; the last edge of equals.

        That of a Choice is its Default.
        """
        after: dict[str, list[int]] = {}
        for index, edge in enumerate(self._edges):
            if edge.weight > 1 and index not in self._backward and len(self._chains[index]) > 1:
                after.setdefault(edge.source, []).append(index)
        best: dict[str, list[str]] = {}
        for name in sorted(self._ranks, key=lambda name: -self._ranks[name]):
            if name[0] == DUMMY:
                continue
            ways = [
                [*self._chains[index][:-1], *best[self._chains[index][-1]]]
                for index in after.get(name, [])
            ]
            best[name] = max(ways[::-1], key=_states) if ways else [name]
        return best[self._rows[0][0]] if self._rows and self._rows[0] else []

    def _is_consistent(self, lines: list[list[str]]) -> bool:
        line_of = {name: index for index, line in enumerate(lines) for name in line}
        return len(self._constraints(line_of)[0]) == len(lines)

    def _constraints(self, line_of: Mapping[str, int]) -> tuple[list[int], "_Apart"]:
        """Lines from left to right, and how far they are apart; a line that has no place lacks."""
        apart = _Apart()
        for row in self._rows:
            for left, right in pairwise(row):
                gap = (self._boxes[left].width + self._boxes[right].width) / 2 + NODE_GAP
                apart.add(line_of[left], line_of[right], gap)
        return apart.ordered(set(line_of.values())), apart

    def _wish(
        self, line: Sequence[str], line_of: Mapping[str, int], xs: Mapping[int, float]
    ) -> float | None:
        """The mean of the neighbours outside of a line, by the weights of their edges."""
        weights = total = 0.0
        for name in line:
            for near in (self._above[name], self._below[name]):
                for other, weight in near.items():
                    if line_of[other] != line_of[name]:
                        total += xs[line_of[other]] * weight
                        weights += weight
        return total / weights if weights and line_of[line[0]] else None

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


def _states(way: Iterable[str]) -> int:
    """How many states are on a way."""
    return sum(name[0] != DUMMY for name in way)


def _sort_by_neighbours(moving: list[str], fixed: Sequence[str], neighbours: Neighbours) -> None:
    position = {name: index for index, name in enumerate(fixed)}
    own = {name: index for index, name in enumerate(moving)}

    def key(name: str) -> float:
        near = [position[other] for other in neighbours[name] if other in position]
        return sum(near) / len(near) if near else float(own[name])

    moving.sort(key=key)


class _Apart:
    """How far lines are to be from those at their right, at least."""

    def __init__(self) -> None:
        self._after: dict[int, dict[int, float]] = {}
        self._before: dict[int, dict[int, float]] = {}

    def add(self, left: int, right: int, gap: float) -> None:
        wider = max(gap, self._after.get(left, {}).get(right, 0.0))
        self._after.setdefault(left, {})[right] = wider
        self._before.setdefault(right, {})[left] = wider

    def after(self, line: int) -> Iterable[tuple[int, float]]:
        return self._after.get(line, {}).items()

    def before(self, line: int) -> Iterable[tuple[int, float]]:
        return self._before.get(line, {}).items()

    def ordered(self, lines: Iterable[int]) -> list[int]:
        """From left to right; lines that are on both sides of each other are left out."""
        left = {line: len(self._before.get(line, {})) for line in sorted(lines)}
        ready = [line for line, count in left.items() if count == 0]
        order: list[int] = []
        while ready:
            line = ready.pop(0)
            order.append(line)
            for other, _ in self.after(line):
                left[other] -= 1
                if left[other] == 0:
                    ready.append(other)
        return order


def _leftmost(order: Sequence[int], apart: _Apart) -> dict[int, float]:
    """Each line as far to the left as those before it allow."""
    xs: dict[int, float] = {}
    for line in order:
        xs[line] = max((xs[left] + gap for left, gap in apart.before(line)), default=0.0)
    return xs
