"""Machines and executions: lists with filters, and one execution with all that it did."""

from __future__ import annotations

import json
import logging
import re
from collections import Counter
from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from functools import partial
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import quote

from markupsafe import Markup

from sfn_cqrs.kernel.clock import new_ulid
from sfn_cqrs.kernel.errors import SfnCqrsError
from sfn_cqrs.machines.workflow.executions import StepFunctionService
from sfn_cqrs.machines.workflow.wait_table import WaitTable
from sfn_cqrs_tools.client.api import item_path
from sfn_cqrs_tools.client.executions import (
    OF_THE_FRAMEWORK,
    RESUMED_OTHERWISE,
    hints_to_resume,
    waiting,
)
from sfn_cqrs_tools.client.runs import FAILURES, STATUSES, Run
from sfn_cqrs_tools.console.application import Ask, File, GoTo, Refused, View, json_of
from sfn_cqrs_tools.console.calls import calls_of, may_grow
from sfn_cqrs_tools.console.differences import if_there
from sfn_cqrs_tools.console.executions import LANES, Executions, Filter, matching
from sfn_cqrs_tools.console.failures import Alike, alike
from sfn_cqrs_tools.console.lists import Shape, folded, listing, shown
from sfn_cqrs_tools.console.logs import lines_of
from sfn_cqrs_tools.console.moments import seconds_of, since_and_until
from sfn_cqrs_tools.console.paths import changes
from sfn_cqrs_tools.console.rendering import focusable, pretty, query, reason
from sfn_cqrs_tools.console.standing import Seen, seen
from sfn_cqrs_tools.console.subjects import item_page, subject_of, tenant_of
from sfn_cqrs_tools.console.usual import known_times, usual_times
from sfn_cqrs_tools.console.waterfall import verdict, waterfall
from sfn_local.graph import svg, taken
from sfn_local.trace import Step, owners, trace

logger = logging.getLogger(__name__)

EVENTS_SHOWN: Final = 100
VISITS_SHOWN: Final = 200
WAITS_SHOWN: Final = 20
READ_AT_ONCE: Final = 3_000
"""More events than this follow the page that is there already."""
LONGEST_USER: Final = 40
MOST_DIGITS: Final = 7
_NO_NAME: Final = re.compile(r"[^A-Za-z0-9_-]+")
"""Characters that no name of an execution has."""
RESULTS: Final = (
    "taskSucceededEventDetails",
    "lambdaFunctionSucceededEventDetails",
    "activitySucceededEventDetails",
)
SAVED: Final = ("machine", "name", "status", "started", "stopped", "seconds", "error", "cause")
EXECUTIONS: Final = Shape[Seen](
    sorts={
        "subject": lambda row: row.subject.label if row.subject else row.run.name,
        "status": lambda row: row.standing.status,
        "machine": lambda row: row.run.machine,
        "started": lambda row: row.run.started.timestamp(),
        "took": lambda row: row.run.seconds,
    },
    most=200,
    most_of_all=5_000,
    record=lambda row: {
        "subject": row.subject.label if row.subject else "",
        "outcome": row.standing.status,
        **{name: getattr(row.run, name) for name in SAVED},
    },
)


def listed(ask: Ask) -> View | File:
    """List executions; the filter is the address."""
    since, until = since_and_until(ask.query)
    wanted = Filter(
        ask.query.get("machine", ""),
        ask.query.get("status", ""),
        ask.query.get("name", "").strip(),
        ask.query.get("error", "").strip(),
        ask.query.get("lane", ""),
        since,
        until,
        ask.who.tenant,
        *(_length(ask, name) for name in ("least", "most")),
    )
    for what, value, known in (("status", wanted.status, STATUSES), ("lane", wanted.lane, LANES)):
        if value and value not in known:
            raise Refused(HTTPStatus.BAD_REQUEST, "invalid_input", f"There is no such {what}.")
    examined = 0

    def fetch(limit: int, cursor: str | None) -> tuple[list[Seen], str | None]:
        nonlocal examined
        try:
            page = ask.executions.page(wanted, cursor, limit)
        except ValueError as error:
            raise Refused(HTTPStatus.BAD_REQUEST, "invalid_input", str(error)) from error
        examined += page.examined
        return seen(ask, page.runs), page.cursor

    found = listing(ask, fetch, EXECUTIONS)
    return shown(
        ask,
        "executions.html",
        found,
        fetch,
        machines=ask.executions.machines(),
        statuses=STATUSES,
        lanes=LANES,
        examined=examined,
    )


def _length(ask: Ask, name: str) -> float | None:
    """Return a length of time of the filter, in seconds."""
    text = ask.query.get(name, "").strip()
    found = seconds_of(text) if text else None
    if text and found is None:
        told = f"{text!r} is no length of time: write 300 ms, 2 s or 1.5 min."
        raise Refused(HTTPStatus.BAD_REQUEST, "invalid_input", told)
    return found


def machines(ask: Ask) -> View:
    """Show one machine: its graph, and the way to its executions."""
    machine = ask.executions.machine(ask.parts["machine"])
    definition = ask.executions.definition(machine)
    return View(
        "machine.html",
        {
            "machine": machine,
            "graph": focusable(svg(definition, is_bare=True)),
            "definition": definition,
        },
    )


def execution(ask: Ask) -> View:
    """Show one execution, or its version if the engine no longer has it."""
    try:
        run = run_of(ask)
    except LookupError:
        if gone := _gone(ask):
            return gone
        raise
    machine = ask.executions.machine(run.machine)
    is_running = run.stopped is None and run.logged is None
    unread = 0 if ask.is_patient else ask.executions.unread(run)
    is_reading = unread > READ_AT_ONCE
    events = [] if is_reading else ask.executions.history(run)
    times = known_times(ask.executions, run.machine)
    return view_of(
        "execution.html",
        run,
        machine=machine,
        subject=subject_of(run.input),
        graph=_graph(ask, run, events),
        fall=waterfall(events, datetime.now(UTC) if is_running else None, times),
        is_compared=times is not None,
        events=events[:EVENTS_SHOWN],
        total=unread if is_reading else len(events),
        is_reading=is_reading,
        map_runs=_map_runs(ask, run, events),
        waits=waits_of(ask.executions, run, events) if is_running else [],
        open_waits=open_waits(ask, run, events) if is_running and ask.who.is_operator else [],
        may_redrive=_may_redrive(ask, run),
        may_start=ask.backend.is_local and ask.who.is_operator and _is_own(run),
        corrected=_corrected(run),
        opened=_opened(ask, events),
        is_live=is_running or is_reading,
    )


def _opened(ask: Ask, events: list[dict[str, Any]]) -> int | None:
    """Return the number of the visit that the address opens."""
    text = ask.query.get("step", "")
    is_there = text.isdecimal() and len(text) < MOST_DIGITS and int(text) < len(trace(events))
    return int(text) if is_there else None


def _gone(ask: Ask) -> View | None:
    """Return a page from the version that the execution worked on, or None."""
    names_ = [ask.query.get(name, "") for name in ("type", "code", "version")]
    found = if_there(ask.api, item_path("commands", *names_)) if all(names_) else None
    if found is None:
        return None
    values = {"version": found, "machine": ask.parts["machine"], "name": ask.parts["name"]}
    return View("execution_gone.html", {**values, "item": item_page(*names_[:2])})


def events(ask: Ask) -> View:
    """Show a page of the events that hold a text."""
    run = run_of(ask)
    text = ask.query.get("q", "").strip()
    only = _is_failure if ask.query.get("only") == "failed" else None
    found = matching(ask.executions.history(run), text, only)
    after = int(ask.query.get("after") or 0) if (ask.query.get("after") or "0").isdigit() else 0
    left = [event for event in found if event["id"] > after]
    return view_of(
        "events.html",
        run,
        events=left[:EVENTS_SHOWN],
        more=len(left) > EVENTS_SHOWN,
        found=len(found),
        text=text,
    )


def usual(ask: Ask) -> View:
    """Show the bars again, beside the usual times of the machine's states."""
    run = run_of(ask)
    times = usual_times(ask.executions, run.machine)
    now = datetime.now(UTC) if run.stopped is None and run.logged is None else None
    fall = waterfall(ask.executions.history(run), now, times)
    return View("fall.html", {"path": path_of(run), "fall": fall, "is_compared": True})


def step(ask: Ask) -> View:
    """Show one visit of a state, with its input and output, and what it changed."""
    run = run_of(ask)
    events = ask.executions.history(run)
    steps = trace(events)
    number = int(ask.parts["number"])
    if number >= len(steps):
        raise LookupError(f"the execution has no step {number}")
    found = steps[number]
    visits = [
        (index, each)
        for index, each in enumerate(steps)
        if each.name == found.name and each.depth == found.depth
    ]
    wanted, text = ask.query.get("outcome", ""), ask.query.get("q", "").strip()
    outcomes = {index: verdict(each, is_running=run.stopped is None) for index, each in visits}
    return view_of(
        "step.html",
        run,
        step=found,
        number=number,
        changes=changes(found.input, found.output),
        result=_result(events, found),
        alike=_alike(run, steps, found, visits),
        outcomes=Counter(outcomes.values()),
        wanted=wanted,
        text=text,
        link=f"{path_of(run)}?{query(step=number)}",
        visits=[
            (place, index, outcomes[index], each.seconds)
            for place, (index, each) in enumerate(visits, 1)
            if wanted in ("", outcomes[index]) and _has(each, text)
        ][:VISITS_SHOWN],
    )


def _has(step: Step, text: str) -> bool:
    """Return whether a visit's data or error hold a text."""
    told = (step.input, step.output, step.error, step.cause)
    return not text or any(folded(text) in folded(one) for one in told if one)


def _result(events: list[dict[str, Any]], step: Step) -> str | None:
    """Return what a visit's task answered, before the state made its output of it."""
    owner, found = owners(events), None
    for event in events:
        by = owner.get(event["id"])
        if by and (by.name, by.entered) == (step.name, step.entered):
            for name in RESULTS:
                found = event.get(name, {}).get("output", found)
    return None if found == step.output else found


def _alike(run: Run, steps: list[Step], found: Step, visits: list[tuple[int, Step]]) -> list[Alike]:
    """Group the errors of a state's visits, or of what a Map or Parallel has inside, by error."""
    inside = [(index, each) for index, each in enumerate(steps) if _is_inside(each, found)]
    failed = [(index, each) for index, each in inside or visits if each.error]
    if len(failed) == 1 and failed[0][1] is found:
        return []
    return alike(
        (str(each.error), reason(each.cause)[0], f"{path_of(run)}/steps/{index}")
        for index, each in failed
    )


def _is_inside(step: Step, around: Step) -> bool:
    parent = step.parent
    while parent is not None and parent is not around:
        parent = parent.parent
    return parent is not None


def log(ask: Ask) -> View:
    """Show what its functions have logged."""
    run = run_of(ask)
    return view_of("log.html", run, lines=lines_of(ask.backend, run))


def calls(ask: Ask) -> View:
    """Show the calls of its functions, or all from the request to the read models."""
    run = run_of(ask)
    is_whole = ask.query.get("of") == "request"
    return view_of(
        "calls.html",
        run,
        calls=calls_of(ask.backend, run, is_whole=is_whole),
        is_whole=is_whole,
        is_growing=is_whole and may_grow(run),
    )


def event(ask: Ask) -> View:
    """Show one event with its data."""
    run = run_of(ask)
    number = int(ask.parts["number"])
    for found in ask.executions.history(run):
        if found["id"] == number:
            return view_of("event.html", run, event=found)
    raise LookupError(f"the execution has no event {number}")


def history_file(ask: Ask) -> File:
    """Return the whole history as JSON, without task tokens."""
    run = run_of(ask)
    content = pretty({"events": ask.executions.history(run)})
    return File(content.encode(errors="replace"), f"{run.name}.json", "application/json")


def children(ask: Ask) -> View:
    """Show the children of a Map Run."""
    map_run, run = ask.query.get("arn", ""), run_of(ask)
    if map_run not in [one["mapRunArn"] for one in ask.executions.children(run.arn)]:
        raise LookupError("this is not a Map Run of that execution")
    found = ask.executions.runs_of_map(map_run, ask.query.get("status", ""))
    failed = [one for one in found if one.status in FAILURES]
    groups = alike(
        (
            one.error or one.status,
            reason(one.cause)[0],
            f"{path_of(run)}/child?{query(arn=one.arn)}",
        )
        for one in ask.executions.with_data(failed)
    )
    return view_of("children.html", run, runs=found, arn=map_run, alike=groups)


def child(ask: Ask) -> View:
    """Show one child of a Map Run; AWS keeps events only for a STANDARD one."""
    run = run_of(ask)
    found = ask.executions.describe(ask.query.get("arn", ""))
    if found.parent not in [one["mapRunArn"] for one in ask.executions.children(run.arn)]:
        raise LookupError("this is not a child of that execution")
    events = ask.executions.history_of_child(found)
    return view_of(
        "child.html",
        run,
        child=found,
        subject=subject_of(found.input),
        events=events,
        fall=waterfall(events, None if found.stopped else datetime.now(UTC)),
        is_live=found.stopped is None,
    )


def again(ask: Ask) -> View:
    """Show the form that runs an execution again with an edited input."""
    run = _only_own(ask)
    return view_of("again.html", run, before=pretty(run.input))


def start(ask: Ask) -> GoTo:
    """Start it; its name says who did, for as long as the engine keeps it."""
    run = _only_own(ask)
    given = ask.form.get("input", "")
    json_of(given, "input")
    who = _NO_NAME.sub("-", ask.who.user)[:LONGEST_USER]
    name = f"again-by-{who}-{new_ulid(datetime.now(UTC))}"
    ask.executions.start(ask.executions.machine(run.machine), given, name)
    logger.info("%s ran %s again with an edited input, as %s", who, run.name, name)
    return GoTo(f"/executions/{run.machine}/{name}")


def stopping(ask: Ask) -> View:
    """Show what stopping an execution does."""
    _only_operator(ask)
    run = run_of(ask)
    return view_of("stop.html", run, subject=subject_of(run.input))


def stop(ask: Ask) -> GoTo:
    """Stop it."""
    _only_operator(ask)
    run = run_of(ask)
    ask.executions.stop(run.arn, ask.who.user)
    return GoTo(path_of(run))


def redrive(ask: Ask) -> GoTo:
    """Continue from the failed state."""
    _only_operator(ask)
    run = run_of(ask)
    if not _may_redrive(ask, run):
        text = "Its item, task, import, saga or approval is retried instead: open that."
        raise Refused(HTTPStatus.CONFLICT, "not_redrivable", text)
    ask.executions.redrive(run.arn)
    return GoTo(path_of(run))


def _may_redrive(ask: Ask, run: Run) -> bool:
    """Return whether a failed execution may be redriven; the framework's are fenced."""
    is_own = not _is_of(run, RESUMED_OTHERWISE)
    return is_own and run.status in FAILURES and ask.who.is_operator and run.logged is None


def answering(ask: Ask) -> View:
    """Show the form that ends a wait."""
    _only_operator(ask)
    run = run_of(ask)
    wait = {name: ask.query.get(name, "") for name in ("state", "key")}
    return view_of("answer.html", run, wait=wait)


def answer(ask: Ask) -> GoTo:
    """End a wait with a result or with an error."""
    _only_operator(ask)
    run, form = run_of(ask), ask.form
    is_well = form.get("how", "success") == "success"
    result = json_of(form.get("result", "") or "{}", "result") if is_well else None
    token = _wait_table(ask).token(run.name, form.get("state", ""), form.get("key", ""))
    if token is None:
        raise Refused(HTTPStatus.CONFLICT, "not_waiting", "It waits there no longer.")
    service = StepFunctionService(ask.backend.client("stepfunctions"))
    try:
        if is_well:
            is_done = service.resume_execution(token, result)
        else:
            error = form.get("error", "").strip() or "Refused"
            is_done = service.send_task_failure(token, error, form.get("cause", ""))
    except SfnCqrsError as error:
        raise Refused(HTTPStatus.CONFLICT, error.code, str(error)) from error
    if not is_done:
        raise Refused(HTTPStatus.CONFLICT, "not_waiting", "The wait has ended already.")
    return GoTo(path_of(run))


def _wait_table(ask: Ask) -> WaitTable:
    table = ask.backend.outputs["RequestsTableName"]
    return WaitTable(ask.backend.client("dynamodb"), table, partial(datetime.now, UTC))


def open_waits(ask: Ask, run: Run, events: list[dict[str, Any]]) -> list[tuple[str, str]]:
    """Return the state and the key of each wait that can be answered here; no token leaves."""
    states = {one.name: None for one in _waiting(ask.executions, run, events)}
    table = _wait_table(ask) if states else None
    return [
        (state, key)
        for state in states
        if table
        for key in list(table.tokens(run.name, state))[:WAITS_SHOWN]
    ]


def _only_own(ask: Ask) -> Run:
    """Return an execution that may be run again with an edited input.

    Raises:
        Refused: the person may not, the stack is on AWS, or the machine is the framework's: its
            input has only keys, so correct the item by a new version instead.
    """
    _only_operator(ask)
    run = run_of(ask)
    if not _is_own(run):
        text = "Its input is keys alone: change its item, task or saga instead."
        raise Refused(HTTPStatus.CONFLICT, "keys_alone", text)
    if not ask.backend.is_local:
        text = "On AWS start it with your own credentials: sfn-cqrs start MACHINE --input FILE."
        raise Refused(HTTPStatus.FORBIDDEN, "not_local", text)
    return run


def _is_own(run: Run) -> bool:
    """Return whether an execution is of a workflow of the project's, which takes any input."""
    return not _is_of(run, OF_THE_FRAMEWORK)


def _is_of(run: Run, machines: Collection[str]) -> bool:
    """Return whether an execution is of some of the framework's machines, or of a saga's."""
    return run.machine in machines or run.machine.endswith("-saga")


def _corrected(run: Run) -> str:
    """Return the page where what a failed execution worked on is changed and tried again."""
    given = json.loads(run.input or "{}") if run.status in FAILURES else {}
    if (
        run.machine in ("command", "command-express")
        and {"type", "code", "version"} <= given.keys()
    ):
        return item_page(str(given["type"]), str(given["code"]), given["version"], "correct")
    return f"/sagas/new?{query(given=given['id'])}" if "saga" in given else ""


def _only_operator(ask: Ask) -> None:
    if not ask.who.is_operator:
        text = "This needs the role operator; choose who you are at the foot of the menu."
        raise Refused(HTTPStatus.FORBIDDEN, "forbidden", text)


def run_of(ask: Ask, machine: str = "", name: str = "") -> Run:
    """Return the execution that the address names, or another one by its machine and name.

    Raises:
        LookupError: there is none of this tenant.
    """
    machine, name = machine or ask.parts["machine"], name or ask.parts["name"]
    run = ask.executions.describe(ask.executions.arn(machine, name))
    if tenant_of(run.input) not in (None, ask.who.tenant):
        raise LookupError(f"there is no execution {run.name!r} of {ask.who.tenant}")
    return run


def view_of(template: str, run: Run, *, is_live: bool = False, **values: object) -> View:
    """Return a page, or a part of one, about an execution."""
    return View(template, {"run": run, "path": path_of(run), **values}, is_live)


def path_of(run: Run) -> str:
    """Return the path of an execution's page."""
    return f"/executions/{quote(run.machine)}/{quote(run.name, safe='')}"


def _graph(ask: Ask, run: Run, events: list[dict[str, Any]]) -> Markup:
    machine = ask.executions.machine(run.machine)
    path = taken(events) if events else None
    return focusable(svg(ask.executions.definition(machine, run), path, is_bare=True))


def waits_of(executions: Executions, run: Run, events: list[dict[str, Any]]) -> list[str]:
    """Return a command for each state in which a workflow of the user's own waits for somebody."""
    return list(hints_to_resume(run.name, _waiting(executions, run, events)))


def _waiting(executions: Executions, run: Run, events: list[dict[str, Any]]) -> list[Step]:
    """Return the steps in which a workflow of the user's own waits for somebody."""
    definition = executions.definition(executions.machine(run.machine), run)
    return waiting(run.machine, definition, events)


def _map_runs(ask: Ask, run: Run, events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    has_any = any(event["type"] == "MapRunStarted" for event in events)
    return ask.executions.children(run.arn) if has_any else []


def _is_failure(event: Mapping[str, Any]) -> bool:
    return str(event["type"]).endswith(("Failed", "TimedOut", "Aborted"))


_ONE: Final = "/executions/{machine}/{name}"
PAGES: Final = {
    "/executions": listed,
    "/machines/{machine}": machines,
    _ONE: execution,
    f"{_ONE}/events": events,
    f"{_ONE}/events/{{number:int}}": event,
    f"{_ONE}/steps/{{number:int}}": step,
    f"{_ONE}/history.json": history_file,
    f"{_ONE}/children": children,
    f"{_ONE}/child": child,
    f"{_ONE}/log": log,
    f"{_ONE}/usual": usual,
    f"{_ONE}/calls": calls,
    f"{_ONE}/again": again,
    f"{_ONE}/stop": stopping,
    f"{_ONE}/answer": answering,
}
FORMS: Final = {
    f"{_ONE}/again": start,
    f"{_ONE}/stop": stop,
    f"{_ONE}/answer": answer,
    f"{_ONE}/redrive": redrive,
}
