"""Two executions side by side, and the choice of the other one."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import unquote, urlsplit

from sfn_cqrs_tools.client.runs import Run
from sfn_cqrs_tools.console.application import Ask, View
from sfn_cqrs_tools.console.comparing import Pair, paired
from sfn_cqrs_tools.console.executions import Filter
from sfn_cqrs_tools.console.pages.executions import path_of, run_of, view_of
from sfn_cqrs_tools.console.paths import changes
from sfn_cqrs_tools.console.standing import seen

OFFERED: Final = 20


def choosing(ask: Ask) -> View:
    """Show the executions to compare with: the latest of the same machine."""
    run = run_of(ask)
    wanted = Filter(machine=run.machine, tenant=ask.who.tenant)
    found = ask.executions.page(wanted, limit=OFFERED + 1).runs
    others = [one for one in found if one.arn != run.arn][:OFFERED]
    return view_of("compare_with.html", run, others=seen(ask, others))


def compared(ask: Ask) -> View:
    """Show two executions side by side."""
    run, other = run_of(ask), _other(ask)
    pairs = _pairs(ask, other, run)
    return view_of(
        "compare.html",
        run,
        other=other,
        other_path=path_of(other),
        pairs=list(enumerate(pairs)),
        named=seen(ask, [other, run]),
        ways=sum(not pair.is_same_way for pair in pairs),
        inputs=changes(other.input, run.input),
        outputs=changes(other.output or None, run.output or None),
    )


def state(ask: Ask) -> View:
    """Show what one state was given and what it made, in both."""
    run, other = run_of(ask), _other(ask)
    pairs, number = _pairs(ask, other, run), int(ask.parts["number"])
    if number >= len(pairs):
        raise LookupError(f"the executions have no state {number}")
    pair = pairs[number]
    told: dict[str, Any] = {what: pair.changed(what) for what in ("input", "output")}
    return view_of("compare_state.html", run, pair=pair, told=told)


def _pairs(ask: Ask, before: Run, after: Run) -> list[Pair]:
    histories = [ask.executions.history(one) for one in (before, after)]
    are_running = (before.stopped is None, after.stopped is None)
    return paired(*histories, are_running=are_running)


def _other(ask: Ask) -> Run:
    """Return the execution that the address names: a name, MACHINE/NAME, or a pasted address."""
    parts = [one for one in urlsplit(ask.query.get("with", "").strip()).path.split("/") if one]
    machine, name = ([ask.parts["machine"], *parts] if len(parts) == 1 else ["", "", *parts])[-2:]
    if not name:
        raise LookupError("say with which execution: open the page of one, and compare from there")
    return run_of(ask, unquote(machine), unquote(name))


_ONE: Final = "/executions/{machine}/{name}/compare"
PAGES: Final = {
    f"{_ONE}/with": choosing,
    _ONE: compared,
    f"{_ONE}/{{number:int}}": state,
}
FORMS: Final[dict[str, Any]] = {}
