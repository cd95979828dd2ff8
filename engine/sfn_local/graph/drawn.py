"""A definition as lines of text, with the path of an execution.

States are below each other, the main path first. A way to the next state is a line between them;
any other one is a lane at the left. Ways that were taken are heavy, those of a Catch are dotted.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from sfn_local.document import Json
from sfn_local.graph.model import Edge, Graph, Node, read_graph
from sfn_local.graph.taken import CAUGHT, FAILED, NOT_TAKEN, RUNNING, SUCCEEDED, Taken

WAY, LABEL, NAME = "way", "label", "name"
"""The looks of parts other than outcomes."""
UP, DOWN, LEFT, RIGHT = 1, 2, 4, 8


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a line; its look is an outcome, or one of way, label and name."""

    text: str
    look: str = ""


Line = list[Part]


@dataclass(frozen=True)
class Pens:
    """The characters that are drawn with: of each weight by the sides that a line goes to."""

    marks: Mapping[str, str]
    light: Mapping[int, str]
    heavy: Mapping[int, str]
    dotted: Mapping[int, str]
    dotted_heavy: Mapping[int, str]
    arrow: str
    words: Mapping[int, str]
    """Replacements for the characters of our texts that this character set lacks."""

    def cross(self, sides: int, *, is_taken: bool, is_catch: bool) -> str:
        """Return the character of lines that meet."""
        straight = self.dotted_heavy if is_taken else self.dotted
        if is_catch and sides in straight:
            return straight[sides]
        return (self.heavy if is_taken else self.light)[sides]


def _pen(characters: str) -> dict[int, str]:
    return dict(zip(_SIDES, characters, strict=True))


_SIDES = (
    UP | DOWN,
    LEFT | RIGHT,
    DOWN | RIGHT,
    UP | RIGHT,
    UP | DOWN | RIGHT,
    DOWN | LEFT | RIGHT,
    UP | LEFT | RIGHT,
    UP | DOWN | LEFT | RIGHT,
)
BOXES = Pens(
    {SUCCEEDED: "✓", CAUGHT: "!", FAILED: "✗", RUNNING: "…", NOT_TAKEN: "·", "": "•"},
    _pen("│─┌└├┬┴┼"),
    _pen("┃━┏┗┣┳┻╋"),
    {UP | DOWN: "┆", LEFT | RIGHT: "┄"},
    {UP | DOWN: "┇", LEFT | RIGHT: "┅"},
    "▶",
    {},
)
PLAIN = Pens(
    {SUCCEEDED: "*", CAUGHT: "!", FAILED: "x", RUNNING: "~", NOT_TAKEN: ".", "": "o"},
    _pen("|-++++++"),
    _pen("#=######"),
    {UP | DOWN: ":", LEFT | RIGHT: "."},
    {UP | DOWN: "#", LEFT | RIGHT: "="},
    ">",
    str.maketrans({"→": "->", "…": "...", "≥": ">=", "≤": "<=", "×": "x", "·": ","}),
)
WORDS = {
    SUCCEEDED: "succeeded",
    CAUGHT: "failed and caught",
    FAILED: "failed",
    RUNNING: "running",
    NOT_TAKEN: "not entered",
}


@dataclass
class _Lane:
    """All ways to one state that do not come from the state above it; a Catch has its own."""

    target: int
    is_catch: bool
    sources: dict[int, bool] = field(default_factory=dict)
    """Whether the way from a row was taken."""
    column: int = 0

    @property
    def first(self) -> int:
        return min(self.target, *self.sources)

    @property
    def last(self) -> int:
        return max(self.target, *self.sources)

    def overlaps(self, other: "_Lane") -> bool:
        return self.first <= other.last and other.first <= self.last

    def sides(self, row: int) -> int:
        """Return where a lane goes to from the line of a state."""
        up = UP if self.first < row <= self.last else 0
        down = DOWN if self.first <= row < self.last else 0
        return up | down | (RIGHT if self.touches(row) else 0)

    def touches(self, row: int) -> bool:
        return row == self.target or row in self.sources

    def reaches(self, row: int) -> bool:
        """Return whether a way that was taken begins or ends at a row."""
        return self.sources.get(row, False) or (row == self.target and any(self.sources.values()))

    def is_at(self, row: int) -> bool:
        """Return whether a way that was taken is beside a row, or ends there."""
        return self.is_taken(row, row)

    def is_taken(self, first: int, last: int) -> bool:
        """Return whether a way that was taken goes from one row to another along the lane."""
        return any(
            is_taken and min(source, self.target) <= first and max(source, self.target) >= last
            for source, is_taken in self.sources.items()
        )


def drawn(
    definition: Json,
    path: Taken | None = None,
    notes: Mapping[str, str] | None = None,
    *,
    pens: Pens = BOXES,
) -> list[Line]:
    """Return the drawing of a definition; notes follow the states.

    Raises:
        ValueError: the definition has no states.
    """
    artist = _Artist(path, notes or {}, pens)
    lines = artist.lines(read_graph(definition))
    return lines if path is None else [*lines, [], artist.legend()]


class _Artist:
    def __init__(self, path: Taken | None, notes: Mapping[str, str], pens: Pens) -> None:
        self._path = path
        self._notes = notes
        self._pens = pens
        self._met: dict[str, None] = {}

    def legend(self) -> Line:
        """Say what the marks mean that were drawn."""
        marks = [outcome for outcome in WORDS if outcome in self._met]
        parts = [Part(f"{self._pens.marks[one]} {WORDS[one]}", one) for one in marks]
        return [part for one in parts for part in (one, Part("   "))][:-1]

    def lines(self, graph: Graph) -> list[Line]:
        """Draw a scope."""
        names = in_order(graph)
        rows = {name: row for row, name in enumerate(names)}
        edges = list(dict.fromkeys(edge for edge in graph.edges if edge.source in rows))
        straight, lanes = self._ways(edges, rows)
        labels: dict[str, list[Edge]] = {}
        for edge in edges:
            if edge.label:
                labels.setdefault(edge.source, []).append(edge)
        found: list[Line] = []
        for row, name in enumerate(names):
            node = graph.nodes[name]
            found.append([*self._crossing(lanes, row), *self._state(node)])
            margin = [*self._between(lanes, row), self._below(straight, row)]
            found += [[*margin, *self._label(edge)] for edge in labels.get(name, ())]
            found += [[*margin, Part("  "), *line] for line in self._inner(node)]
            if row + 1 < len(names):
                found.append(_trimmed(margin))
        return found

    def _ways(
        self, edges: Iterable[Edge], rows: Mapping[str, int]
    ) -> tuple[dict[int, tuple[bool, bool]], list[_Lane]]:
        """Return the ways straight down, and the lanes of all others."""
        straight: dict[int, tuple[bool, bool]] = {}
        lanes: dict[tuple[int, bool], _Lane] = {}
        for edge in edges:
            source, target = rows[edge.source], rows[edge.target]
            was_taken = self._was_taken(edge)
            if target == source + 1 and not (edge.is_catch and source in straight):
                straight[source] = (was_taken, edge.is_catch)
                continue
            key = (target, edge.is_catch)
            lane = lanes.setdefault(key, _Lane(target, edge.is_catch))
            lane.sources[source] = was_taken or lane.sources.get(source, False)
        return straight, _in_columns(list(lanes.values()))

    def _crossing(self, lanes: Sequence[_Lane], row: int) -> Line:
        """Draw the lanes beside a state, and the ways from them to it."""
        parts: Line = []
        reaching = None  # the lane that a line comes from
        is_entered = False
        for column in range(_width(lanes) - 1, -1, -1):
            here = [one for one in lanes if one.column == column and one.first <= row <= one.last]
            lane = here[0] if here else None
            sides = (lane.sides(row) if lane else 0) | (LEFT | RIGHT if reaching else 0)
            parts.append(self._stroke(lane, reaching, sides, row))
            if lane is not None and lane.touches(row):
                is_entered = is_entered or lane.target == row
                reaching = _heavier(reaching, lane, row)
            parts.append(self._across(reaching, row))
        if parts and is_entered:
            parts[-1] = Part(self._pens.arrow, parts[-1].look)
        return parts

    def _stroke(self, lane: _Lane | None, reaching: _Lane | None, sides: int, row: int) -> Part:
        """Draw where a lane and the line to a state meet."""
        one = lane or reaching
        if one is None:
            return Part(" ")
        is_taken = one.is_at(row) if lane else one.reaches(row)
        return self._way(sides, is_taken=is_taken, is_catch=one.is_catch)

    def _across(self, reaching: _Lane | None, row: int) -> Part:
        """Draw the line to a state."""
        if reaching is None:
            return Part(" ")
        is_taken = reaching.reaches(row)
        return self._way(LEFT | RIGHT, is_taken=is_taken, is_catch=reaching.is_catch)

    def _way(self, sides: int, *, is_taken: bool, is_catch: bool) -> Part:
        look = (CAUGHT if is_catch else SUCCEEDED) if is_taken else WAY
        return Part(self._pens.cross(sides, is_taken=is_taken, is_catch=is_catch), look)

    def _between(self, lanes: Sequence[_Lane], row: int) -> Line:
        """Draw the lanes below a state."""
        parts: Line = []
        for column in range(_width(lanes) - 1, -1, -1):
            here = [one for one in lanes if one.column == column and one.first <= row < one.last]
            is_taken = bool(here) and here[0].is_taken(row, row + 1)
            parts += [
                self._way(UP | DOWN, is_taken=is_taken, is_catch=here[0].is_catch)
                if here
                else Part(" "),
                Part(" "),
            ]
        return parts

    def _below(self, straight: Mapping[int, tuple[bool, bool]], row: int) -> Part:
        """Draw the way to the next state."""
        if row not in straight:
            return Part(" ")
        is_taken, is_catch = straight[row]
        return self._way(UP | DOWN, is_taken=is_taken, is_catch=is_catch)

    def _state(self, node: Node) -> Line:
        outcome = "" if self._path is None else self._path.outcome(node.name)
        self._met[outcome] = None
        details = [node.type, node.detail, self._notes.get(node.name, "")]
        said = ", ".join(one for one in details if one)
        return [
            Part(self._pens.marks[outcome], outcome or NAME),
            Part(" "),
            Part(node.name, outcome or NAME),
            Part(f"  {said.translate(self._pens.words)}", LABEL),
        ]

    def _label(self, edge: Edge) -> Line:
        look = (CAUGHT if edge.is_catch else SUCCEEDED) if self._was_taken(edge) else LABEL
        label = f"{edge.label} →".translate(self._pens.words)
        return [Part(f"   {label} {edge.target}", look)]

    def _was_taken(self, edge: Edge) -> bool:
        return self._path is not None and self._path.has(
            edge.source, edge.target, is_catch=edge.is_catch
        )

    def _inner(self, node: Node) -> Iterator[Line]:
        """Draw what is inside a Map or a Parallel, behind a border."""
        border = Part(f"{self._pens.light[UP | DOWN]} ", WAY)
        for number, graph in enumerate(node.inner, 1):
            if len(node.inner) > 1:
                yield [border, Part(f"branch {number}", LABEL)]
            for line in self.lines(graph):
                yield [border, *line]


def in_order(graph: Graph) -> list[str]:
    """Return the states from the start on: each before those after it, the first way first."""
    after: dict[str, list[str]] = {name: [] for name in graph.nodes}
    for edge in sorted(graph.edges, key=lambda edge: edge.is_catch):
        after[edge.source].append(edge.target)
    seen: set[str] = set()
    found: list[str] = []
    for root in (graph.start, *graph.nodes):
        if root in seen or root not in after:
            continue
        seen.add(root)
        behind: list[str] = []
        ways = [(root, iter(after[root][::-1]))]
        while ways:
            name, targets = ways[-1]
            target = next((one for one in targets if one not in seen), None)
            if target is None:
                behind.append(name)
                ways.pop()
            else:
                seen.add(target)
                ways.append((target, iter(after[target][::-1])))
        found += behind[::-1]
    return found


def _in_columns(lanes: list[_Lane]) -> list[_Lane]:
    """Give each lane a column, the shortest the nearest to the states."""
    placed: list[_Lane] = []
    for lane in sorted(lanes, key=lambda one: (one.last - one.first, one.first, one.is_catch)):
        taken = {one.column for one in placed if one.overlaps(lane)}
        lane.column = next(column for column in range(len(lanes)) if column not in taken)
        placed.append(lane)
    return placed


def _width(lanes: Sequence[_Lane]) -> int:
    return 1 + max((one.column for one in lanes), default=-1)


def _heavier(reaching: _Lane | None, lane: _Lane, row: int) -> _Lane:
    """Return which of two lanes the line to a state is drawn as: one that was taken."""
    return lane if reaching is None or lane.reaches(row) else reaching


def _trimmed(line: Line) -> Line:
    kept = list(line)
    while kept and not kept[-1].text.strip():
        kept.pop()
    return kept
