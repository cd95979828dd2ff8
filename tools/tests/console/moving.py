"""A command on its way through its machine, as an SVG that moves: each state when it is entered."""

import re
from collections.abc import Iterator

from sfn_local import Engine, VirtualClock
from sfn_local.graph import svg, taken
from sfn_local.mocks import MockConfig
from sfn_local.stubs import StubFunctions, by_state

SLOT, LAST = 0.7, 2.5
"""Seconds that each change is seen, and the end."""
LIGHT = {
    "text": "#1e293b", "muted": "#64748b", "card": "#ffffff", "line": "#94a3b8", "way": "#cbd5e1",
    "idle": "#ffffff,#cbd5e1", "running": "#dbeafe,#2563eb", "succeeded": "#dcf3e4,#2f855a",
    "caught": "#fdf3d8,#b7791f", "failed": "#fde8e8,#c53030", "passed": "#2f855a",
}  # fmt: skip
DARK = {
    "text": "#e2e8f0", "muted": "#94a3b8", "card": "#0f172a", "line": "#475569", "way": "#334155",
    "idle": "#1e293b,#475569", "running": "#1e3a8a,#60a5fa", "succeeded": "#14532d,#4ade80",
    "caught": "#713f12,#facc15", "failed": "#7f1d1d,#f87171", "passed": "#4ade80",
}  # fmt: skip
_CLASS = re.compile(r'class="(edge|node)([^"]*)"')


def history(definition, case, mocks):
    """The events of an execution in which stand-ins answer as a test case says."""
    config = MockConfig.read(mocks)
    engine = Engine(functions=StubFunctions({}), clock=VirtualClock(), mocks=config)
    kept = config.case("command", case).states
    arn = engine.create_state_machine("command", by_state(definition, kept))
    execution = engine.start_execution(f"{arn}#{case}", "one", "{}")
    engine.run_until(execution)
    return engine.history(execution)


def moving_picture(definition, events):
    """Return the picture; it repeats, and follows the reader's light or dark theme."""
    moments = [n for n, one in enumerate(events, 1) if "State" in one["type"]]
    frames = [svg(definition, taken(events[:n]), is_bare=True).splitlines() for n in moments]
    frames = [
        frame for frame, before in zip(frames, [[], *frames], strict=False) if frame != before
    ]
    seconds = SLOT * len(frames) + LAST
    rules: dict[tuple[str, ...], str] = {}
    body = [_line(lines, rules) for lines in zip(*frames, strict=True)]
    style = "\n".join(_style(rules, len(frames), seconds))
    head, *rest = body
    ground = '<rect class="ground" width="100%" height="100%" rx="12"/>'
    return "\n".join([head, f"<style>\n{style}\n</style>", ground, *rest, ""])


def _line(lines, rules):
    """Return a line of the picture; one that changes gets the class of its changes."""
    found = [_CLASS.search(line) for line in lines]
    if found[-1] is None:
        return lines[-1]
    states = tuple(one[2].split()[-1] if one[2].split() else "" for one in found)
    kind = found[-1][1]
    name = rules.setdefault((kind, *states), f"{kind[0]}{len(rules)}")
    base = " ".join(found[-1][2].split()[:-1])
    return _CLASS.sub(f'class="{" ".join(filter(None, (kind, base, name)))}"', lines[-1], count=1)


def _style(rules, frames, seconds) -> Iterator[str]:
    yield _variables(LIGHT)
    yield f"@media (prefers-color-scheme: dark) {{ {_variables(DARK)} }}"
    yield from (
        "text { fill: var(--text); font: 600 13px ui-sans-serif, system-ui, sans-serif }",
        ".detail, .visits { fill: var(--muted); font-weight: 400; font-size: 11px }",
        ".label { fill: var(--muted); font: 11px ui-monospace, monospace }",
        ".label-back, .ground { fill: var(--card) } .start, .head { fill: var(--line) }",
        ".back { fill: var(--line) }",
        ".stripe { fill: var(--line); stroke: none }",
        ".group, .branch { fill: none; stroke: var(--line) }",
        ".edge { fill: none; stroke: var(--way); stroke-width: 1.6 }",
        ".catch { stroke-dasharray: 5 4 }",
        ".node > rect:first-of-type { stroke-width: 2 }",
    )
    for (kind, *states), name in rules.items():
        part = f".{name}" if kind == "edge" else f".{name} > rect:first-of-type"
        yield f"{part} {{ animation: {name} {seconds:.1f}s step-end infinite }}"
        yield f"@keyframes {name} {{ {' '.join(_steps(kind, states, frames, seconds))} }}"


def _steps(kind, states, frames, seconds) -> Iterator[str]:
    before = None
    for number in range(frames):
        state = states[number]
        if state != before:
            yield f"{100 * SLOT * number / seconds:.2f}% {{ {_look(kind, state)} }}"
        before = state
    yield f"100% {{ {_look(kind, before)} }}"


def _look(kind, state):
    if kind == "edge":
        is_passed = state == "passed"
        return f"stroke: var(--{'passed' if is_passed else 'way'}); stroke-width: {2 + is_passed}"
    return f"fill: var(--{state}-fill); stroke: var(--{state}-line)"


def _variables(colours):
    parts = []
    for name, value in colours.items():
        fill, _, line = value.partition(",")
        parts += (
            [f"--{name}-fill: {fill}", f"--{name}-line: {line}"] if line else [f"--{name}: {fill}"]
        )
    return f":root {{ {'; '.join(parts)} }}"
