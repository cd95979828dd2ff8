"""Executions of a stack, wherever it runs, found by name, by its beginning, or by what they do."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from itertools import chain, islice
from typing import Any, Final

import click

from sfn_cqrs.kernel.keys import CommandRef, ItemKey
from sfn_cqrs.kernel.tables.dynamodb import unmarshal
from sfn_cqrs.machines.command.items import as_process
from sfn_cqrs.machines.command.process import Lane, Process
from sfn_cqrs_tools.client.aws import Target
from sfn_cqrs_tools.client.express_runs import logged_runs
from sfn_cqrs_tools.client.recent import WHOLE_ID
from sfn_cqrs_tools.client.runs import LOOKED_BACK, Run, Runs
from sfn_local.trace import Step, owners, stopped_in
from sfn_local.words import unknown

OUTPUT: Final = "StateMachineArn"
OF_THE_FRAMEWORK: Final = frozenset(
    (
        "approval",
        "command",
        "command-express",
        "import-csv",
        "rebuild",
        "saga",
        "task",
        "zip-orchestrator",
    )
)
"""The machines that every stack has; all others are the project's, its sagas' among them."""
RESUMED_OTHERWISE: Final = ("command", "approval", "import-csv", "zip-orchestrator")
"""Their waits, and those of sagas, end when people act on items, approvals and imports."""
LOOKED_THROUGH: Final = 1000
"""How many of each machine's latest executions are searched for a name."""
DESCRIBED: Final = 100
"""How many executions' inputs are searched for an id."""
SHOWN: Final = 5
AT_ONCE: Final = 8
SAMPLE_TOKEN: Final = "AAAA-sample-task-token-that-opens-nothing"
"""Replaces a task token in sample events."""
EXPRESS: Final = "command-express"
VERSIONS: Final = 5
"""How many of an item's latest versions are searched for in that log."""


class Executions(Runs):
    """Finds the executions of all machines of a stack by what people type."""

    def __init__(self, target: Target, tenant: str) -> None:
        """Use a stack, and the items of one tenant."""
        super().__init__(target)
        self._tenant = tenant

    def machines(self) -> dict[str, str]:
        """Return the ARN of each machine, by its name as people type it: `order-saga`."""
        return machines_of(self._target.outputs)

    def latest(self, machine: str | None, status: str | None, count: int) -> list[Run]:
        """Return the latest executions, the newest first."""
        arns = self.machines()
        if machine is not None and machine not in arns:
            raise click.ClickException(unknown("machine", machine, arns))
        chosen = [(machine, arns[machine])] if machine else arns.items()
        lists = (islice(self._of(name, arn, status), count) for name, arn in chosen)
        found = chain.from_iterable(lists)
        return sorted(found, key=lambda one: one.started, reverse=True)[:count]

    def about(self, item: str, count: int) -> list[Run]:
        """Return the executions of an item's versions, the newest first."""
        prefixes = tuple(self._prefixes(item, count))
        machine = self.machines()["command"]
        found = [one for one in self._of("command", machine) if one.name.startswith(prefixes)]
        found += self._express_runs_of(self.processes(item))
        return sorted(found, key=lambda one: one.started, reverse=True)

    def with_data(self, runs: list[Run]) -> list[Run]:
        """Return executions with their inputs and errors, which a list does not have."""
        with ThreadPoolExecutor(AT_ONCE) as pool:
            return list(pool.map(self._with_data, runs))

    def _with_data(self, run: Run) -> Run:
        described = (
            run.logged.described
            if run.logged is not None
            else self.client.describe_execution(executionArn=run.arn)
        )
        given, error, cause = (described.get(name) or "" for name in ("input", "error", "cause"))
        return replace(run, input=given, error=error, cause=cause)

    def processes(self, item: str) -> list[Process]:
        """Return the process items of an item's latest versions, the newest first."""
        key = self._key(item)
        found = self._target.client("dynamodb").query(
            TableName=self._target.outputs["CommandsTableName"],
            KeyConditionExpression="pk = :pk AND begins_with(sk, :versions)",
            ExpressionAttributeValues={
                ":pk": {"S": key.pk},
                ":versions": {"S": key.versions_prefix},
            },
            ScanIndexForward=False,
            Limit=2 * VERSIONS,  # each with its command
        )
        plain = [unmarshal(one) for one in found["Items"]]
        return [as_process(one) for one in plain if one.get("kind") == "process"]

    def find(self, text: str) -> Run:
        """Return the one execution that a person means.

        By its ARN or name, the beginning of that, the item it is about (`ORDER/o-1`: its latest),
        the id of a task, saga, approval or import, or `@`: the latest of all.

        Raises:
            click.ClickException: nothing matches, or several do.
        """
        text = text.rpartition(":")[2] if text.startswith("arn:") else text
        if text == "@":
            found = self.latest(None, None, 1)
        elif "/" in text:
            found = self.about(text, LOOKED_THROUGH)[:1]
        elif WHOLE_ID.fullmatch(text):
            found = list(islice(self._with_id(text), 1))
        else:
            found = self._beginning_with(text)
        if len(found) == 1:
            return found[0]
        if not found:
            raise click.ClickException(
                f"no execution is {text!r}, begins so or is about it;"
                " `sfn-cqrs execution list` lists them, and @ is the latest"
            )
        names = ", ".join(one.name for one in found[:SHOWN])
        raise click.ClickException(
            f"{len(found)} executions begin with {text!r}; give more of it: {names}"
        )

    def unlogged(self, text: str) -> Process | None:
        """Return the process item of an item's latest version, if its run has logged nothing."""
        latest = self.processes(text)[:1] if "/" in text and not text.startswith("arn:") else []
        if not latest or not latest[0].is_express or any(self._express_runs_of(latest)):
            return None
        return latest[0]

    def describe(self, found: Run) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        """Return an execution and its events, without task tokens."""
        if found.logged is not None:
            return found.logged.described, list(map(without_token, found.logged.events))
        return described_with_events(self.client, found.arn)

    def map_runs(self, events: list[dict[str, Any]]) -> dict[str, str]:
        """Return how many items of each Distributed Map have succeeded and failed, in words."""
        owner, found = owners(events), dict[str, str]()
        for event in events:
            arn = event.get("mapRunStartedEventDetails", {}).get("mapRunArn")
            step = owner.get(event["id"])
            if arn is None or step is None:
                continue
            counts = self.client.describe_map_run(mapRunArn=arn)["itemCounts"]
            failed = counts["failed"] + counts["timedOut"] + counts["aborted"]
            more = f", {failed:,} failed" if failed else ""
            found[step.name] = f"{counts['total']:,} items{more}"
        return found

    def payload(self, found: Run, state: str) -> dict[str, Any] | None:
        """Return the last input of a state's function, or None if it was not called.

        It may hold a task token, which must not be shown.
        """
        events = found.logged.events if found.logged else [*events_of(self.client, found.arn)]
        by_id = {event["id"]: event for event in events}
        for event in reversed(events):
            details = event.get("taskScheduledEventDetails", {})
            if "parameters" in details and _state_of(event, by_id) == state:
                payload: dict[str, Any] | None = json.loads(details["parameters"]).get("Payload")
                return payload
        return None

    def waiting(self, name: str, state: str, tokens: Mapping[str, str]) -> list[str]:
        """Return the keys of the waits of a state that nobody has ended yet, by their tokens."""
        steps = stopped_in(events_of(self.client, self.find(name).arn))
        asked = [step.arguments or "" for step in steps if step.name == state]
        return [key for key, token in tokens.items() if any(token in one for one in asked)]

    def definition(self, found: Run) -> dict[str, Any]:
        """Return the definition that an execution ran; of an EXPRESS one, the current one."""
        if found.logged is None:
            return self.definition_of(found.arn)
        return self.current_definition(found.logged.machine_arn)

    def _beginning_with(self, text: str) -> list[Run]:
        every = [one for name, arn in self.machines().items() for one in self._of(name, arn)]
        exact = [one for one in every if one.name == text]
        return exact or [one for one in every if one.name.startswith(text)]

    def _with_id(self, id_: str) -> Iterator[Run]:
        """Yield the executions whose input names an id, each machine's newest first."""
        for name, arn in self.machines().items():
            if name in ("command", EXPRESS):
                continue
            for one in islice(self._of(name, arn), DESCRIBED):
                described = self.client.describe_execution(executionArn=one.arn)
                if json.loads(described.get("input", "{}")).get("id") == id_:
                    yield one

    def _prefixes(self, item: str, count: int) -> Iterator[str]:
        table, key = self._target.outputs["CommandsTableName"], self._key(item)
        for version in range(1, count + 1):
            yield CommandRef(key, version, 1).execution_name(table).removesuffix("1")

    def _key(self, item: str) -> ItemKey:
        type_, _, code = item.partition("/")
        return ItemKey(self._tenant, type_, code)

    def _express_runs_of(self, processes: list[Process]) -> Iterator[Run]:
        """Yield the runs of versions that are in the express lane, or began there."""
        mine = [one for one in processes if one.lane is Lane.EXPRESS]
        if not mine:
            return
        table = self._target.outputs["CommandsTableName"]
        names = {replace(one.ref, attempt=1).execution_name(table) for one in mine}
        since = min(datetime.fromisoformat(one.opened_at) for one in mine) - LOOKED_BACK
        for run in logged_runs(self._target, since, names):
            if run.name in names:
                yield self.run_of_log(run, EXPRESS)

    def _of(self, machine: str, arn: str, status: str | None = None) -> Iterator[Run]:
        if machine == EXPRESS:
            since = datetime.now(UTC) - LOOKED_BACK
            logged = (self.run_of_log(run, EXPRESS) for run in logged_runs(self._target, since))
            yield from (one for one in logged if status in (None, one.status))
            return
        every = self.listed(machine, arn, status or "")
        yield from (one for one, _ in islice(every, LOOKED_THROUGH))


def _state_of(event: dict[str, Any], by_id: Mapping[int, dict[str, Any]]) -> str | None:
    """Return the state of an event: the last one that was entered before it."""
    before: dict[str, Any] | None = event
    while before is not None and "stateEnteredEventDetails" not in before:
        before = by_id.get(before.get("previousEventId", 0))
    return None if before is None else str(before["stateEnteredEventDetails"]["name"])


def events_of(client: Any, arn: str) -> Iterator[dict[str, Any]]:
    """Yield the events of an execution; those of callback states have its tokens."""
    for page in client.get_paginator("get_execution_history").paginate(executionArn=arn):
        yield from page["events"]


def described_with_events(client: Any, arn: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Return an execution and its events, without task tokens."""
    described = client.describe_execution(executionArn=arn)
    return described, list(map(without_token, events_of(client, arn)))


def latest_inputs(client: Any, machine: str, count: int, **only: str) -> Iterator[dict[str, Any]]:
    """Yield the inputs of a machine's latest executions."""
    listed = client.list_executions(stateMachineArn=machine, maxResults=count, **only)
    for one in listed["executions"]:
        described = client.describe_execution(executionArn=one["executionArn"])
        yield json.loads(described.get("input", "{}"))


def without_token(event: dict[str, Any]) -> dict[str, Any]:
    """Return an event without a function's input: a callback state's input has its token."""
    event.get("taskScheduledEventDetails", {}).pop("parameters", None)
    return event


def waiting(machine: str, definition: object, events: Iterable[dict[str, Any]]) -> list[Step]:
    """Return the visits in which a workflow of the user's own waits for somebody."""
    if machine in RESUMED_OTHERWISE or machine.endswith("-saga"):
        return []
    callbacks = _callbacks(definition)
    return [step for step in stopped_in(events) if step.name in callbacks]


def _callbacks(definition: object) -> set[str]:
    """Return the names of all states that wait for a token, in Maps as well."""
    if isinstance(definition, list):
        return set().union(*map(_callbacks, definition))
    if not isinstance(definition, dict):
        return set()
    states = definition.get("States", {})
    own = {
        name for name, state in states.items() if ".waitForTaskToken" in str(state.get("Resource"))
    }
    return own.union(*map(_callbacks, (*definition.values(), *states.values())))


def hints_to_resume(name: str, stopped: Iterable[Step]) -> Iterator[str]:
    """Yield one command for each state in which an execution waits."""
    for state, count in Counter(step.name for step in stopped).items():
        key = f" --key KEY  # waits {count} times" if count > 1 else ""
        yield f"sfn-cqrs resume {name} {state} '{{}}'{key}"


def machines_of(outputs: Mapping[str, str]) -> dict[str, str]:
    """Return the ARN of each machine of a stack, by its name as people type it: `order-saga`."""
    named = {
        _kebab(name.removesuffix(OUTPUT)): arn
        for name, arn in outputs.items()
        if name.endswith(OUTPUT)
    }
    return dict(sorted(named.items()))


def _kebab(name: str) -> str:
    return "".join(f"-{one.lower()}" if one.isupper() else one for one in name).lstrip("-")
