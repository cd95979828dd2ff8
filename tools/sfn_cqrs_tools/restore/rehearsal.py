"""The restore, rehearsed: an accident, the tables as they were before it, another stack on them."""

from __future__ import annotations

import json
import random
import socket
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from sfn_cqrs import bootstrap
from sfn_cqrs_tools.client.api import Api, ApiProblem, connect, item_path
from sfn_cqrs_tools.client.aws import find_target
from sfn_cqrs_tools.client.published import behind_aliases
from sfn_cqrs_tools.project import project
from sfn_cqrs_tools.restore.restoring import Restored, Say, differences, restore
from sfn_cqrs_tools.runtime.fabric import Ministack
from sfn_cqrs_tools.runtime.listening import Ports
from sfn_cqrs_tools.stack.fabric_environment import fabric_python
from sfn_cqrs_tools.stack.local_stack import LocalStack
from sfn_cqrs_tools.stack.samples import SampleItem, samples_of
from sfn_cqrs_tools.stack.settings import Settings

BEFORE: Final = "before"
AFTER: Final = "after"
PREFIX: Final = "restored"
PORTS: Final = 7
ITEMS: Final = 12
IN_FLIGHT: Final = 4
PATIENCE_SECONDS: Final = 30.0
POLL_SECONDS: Final = 0.05
LATER: Final = timedelta(minutes=10)
SWEEPS: Final = ("ScheduleSweepCommandsFunction",)
STANDARD: Final = {"ExpressLane": "disabled"}
"""Work in progress in the standard lane is the harder of the two to continue elsewhere."""
LARGE: Final = "x" * 150_000


class RehearsalError(Exception):
    """A step had another result than the runbook says."""


@dataclass(frozen=True)
class Rehearsed:
    """The results of the rehearsal."""

    rows: int
    retried: int
    differences: tuple[str, ...]


class KeptFabric(Ministack):
    """A fabric that outlives its stack, and knows the functions' address of the next stack."""

    def start(
        self, forward: Mapping[str, str], origins: Collection[str] = (), executions: str = ""
    ) -> None:
        """Start at the first stack; the second one answers on the same ports."""
        if self.is_running:
            return
        names = {self.function_name(AFTER, url.rpartition("/")[2]): url for url in forward.values()}
        super().start({**forward, **names}, origins, executions)

    def stop(self) -> None:
        """Outlive the stack."""

    def close(self) -> None:
        """End it."""
        super().stop()


def rehearse(folder: Path, say: Say) -> Rehearsed:
    """Go through the whole runbook.

    Raises:
        RehearsalError: a step had another result than the runbook says.
    """
    sample = samples_of(project()).item
    fabric, port = KeptFabric(fabric_python(), folder / "fabric.log"), _free_ports()
    try:
        with _stack(BEFORE, fabric, port, folder) as stack:
            api = connect(stack.state.path, None, None)
            expected = _work(api, sample)
            dynamodb = stack.client("dynamodb")
            with _held(stack):
                _begin(api, sample)
                say(f"{len(expected)} items are published; {IN_FLIGHT} versions are under way")
                restored = restore(dynamodb, stack.outputs, PREFIX, None, say, POLL_SECONDS)
                _ruin(api, expected)
                say("the accident: every item is changed, and half of them are deleted")
                _settle(lambda: not _open(api, sample.type), "the accident is applied")
            _copy(stack, folder)
        with _stack(AFTER, fabric, port, folder, restored) as stack:
            say(f"the stack {AFTER} uses the tables {PREFIX}-…")
            _copy_back(stack, folder)
            api = connect(stack.state.path, None, None)
            return _mended(stack, api, expected, say)
    finally:
        fabric.close()


def _stack(
    name: str, fabric: KeptFabric, port: int, folder: Path, restored: Restored | None = None
) -> LocalStack:
    return LocalStack(
        Settings(
            name=name,
            state_dir=folder / name,
            ports=Ports.behind(port),
            fabric=fabric,
            parameters=restored.parameters if restored else STANDARD,
            versions=folder / "versions",  # the second is a deploy over the first
            reload=False,
            postgres=False,
            live=False,
        )
    )


def _work(api: Api, sample: SampleItem) -> dict[str, SampleItem]:
    """Publish items of two versions each, the last one large; return them."""
    expected: dict[str, SampleItem] = {}
    for number in range(ITEMS):
        code = f"o-{number:02}"
        for version in range(2):
            item = replace(sample, code=code, name=f"{code} as it was {version}")
            if number == ITEMS - 1 and sample.large:  # stored in the bucket, which is not restored
                item = replace(item, attributes={**sample.attributes, sample.large: LARGE})
            _publish(api, item, version)
            expected[code] = item
    _settle(lambda: not _open(api, sample.type), "what was published is applied")
    return expected


def _begin(api: Api, sample: SampleItem) -> None:
    """Publish versions that are in progress at that moment: applied, but not finished."""
    for number in range(IN_FLIGHT):
        _publish(api, replace(sample, code=_in_flight(number)), 0)
    is_applied = _is_applied(api, sample.type)
    _settle(lambda: all(map(is_applied, range(IN_FLIGHT))), "what is in flight is applied")


def _is_applied(api: Api, type_: str) -> Callable[[int], bool]:
    def is_applied(number: int) -> bool:
        path = item_path("commands", type_, _in_flight(number))
        return str(next(api.pages(path))["status"]).startswith("transform_data")

    return is_applied


def _ruin(api: Api, expected: Mapping[str, SampleItem]) -> None:
    for number, item in enumerate(expected.values()):
        _publish(api, replace(item, name="ruined"), 2)
        if number % 2:
            api.delete(item_path("commands", item.type, item.code))


def _publish(api: Api, item: SampleItem, version: int) -> None:
    body = {"type": item.type, "code": item.code, "name": item.name, "version": version}
    api.post("/commands", json.dumps({**body, "attributes": dict(item.attributes)}))


def _in_flight(number: int) -> str:
    return f"flying-{number}"


def _open(api: Api, type_: str) -> list[str]:
    """Return the items whose newest version has not ended."""
    found = []
    for code in (f"o-{number:02}" for number in range(ITEMS)):
        newest = next(iter(api.pages(item_path("commands", type_, code))), None)
        if newest is not None and newest["outcome"] in ("OPEN", "WAITING"):
            found.append(code)
    return found


def _settle(is_done: Callable[[], bool], what: str) -> None:
    until = time.monotonic() + PATIENCE_SECONDS
    while not _is_so(is_done, what):
        if time.monotonic() > until:
            raise RehearsalError(f"{what}: not within {PATIENCE_SECONDS:.0f} s")
        time.sleep(0.05)


def _is_so(is_done: Callable[[], bool], what: str) -> bool:
    try:
        return is_done()
    except ApiProblem as problem:
        raise RehearsalError(f"{what}: the API answers {problem}") from problem


@contextmanager
def _held(stack: LocalStack) -> Iterator[None]:
    """Keep executions in flight: their last function is never called."""
    submit = stack.functions.submit
    finish = stack.functions.find("CommandFinishFunction").arn

    def held(function: str, payload: bytes, done: Any) -> None:
        if stack.functions.find(function).arn != finish or b"flying-" not in payload:
            submit(function, payload, done)

    stack.functions.submit = held  # type: ignore[method-assign]
    try:
        yield
    finally:
        stack.functions.submit = submit  # type: ignore[method-assign]


def _copy(stack: LocalStack, folder: Path) -> None:
    """Copy the large attributes, as `aws s3 sync` does; they are written once and never changed."""
    s3, bucket = stack.client("s3"), stack.outputs["AttributesBucketName"]
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket):
        for one in page.get("Contents", []):
            target = folder / "objects" / one["Key"]
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(s3.get_object(Bucket=bucket, Key=one["Key"])["Body"].read())


def _copy_back(stack: LocalStack, folder: Path) -> None:
    s3, bucket = stack.client("s3"), stack.outputs["AttributesBucketName"]
    objects = folder / "objects"
    for path in filter(Path.is_file, objects.rglob("*")):
        key = path.relative_to(objects).as_posix()
        s3.put_object(Bucket=bucket, Key=key, Body=path.read_bytes())


def _mended(stack: LocalStack, api: Api, expected: Mapping[str, SampleItem], say: Say) -> Rehearsed:
    """Let the sweeps restart work that was in flight, and retry the rest."""
    flying = [_in_flight(number) for number in range(IN_FLIGHT)]
    type_ = next(iter(expected.values())).type

    def outcomes() -> list[str]:
        return [next(api.pages(item_path("commands", type_, code)))["outcome"] for code in flying]

    later = bootstrap.now() + LATER
    with bootstrap.override(clock=lambda: later):
        for sweep in SWEEPS:
            stack.functions.invoke(sweep, b"{}")
        _settle(lambda: "OPEN" not in outcomes(), "the sweeps begin what was in flight")
    failed = [code for code, outcome in zip(flying, outcomes(), strict=True) if outcome == "FAILED"]
    for code in failed:
        api.post(item_path("commands", type_, code, 1, "retry"))
    _settle(lambda: set(outcomes()) == {"APPLIED"}, "what was in flight is applied")
    say(f"{IN_FLIGHT} versions that were under way have ended, {len(failed)} by a retry")
    outputs, dynamodb = stack.outputs, stack.client("dynamodb")
    found = differences(dynamodb, outputs["CommandsTableName"], outputs["DataTableName"])
    for code, item in expected.items():
        row = api.get(item_path("data", type_, code))
        if (row["version"], row["name"], row["attributes"]) != (2, item.name, item.attributes):
            found.append(
                f"{code} is {row['name']!r}, version {row['version']}: {row['attributes']}"
            )
    found += map(str, behind_aliases(find_target(stack.state.path, None)))
    return Rehearsed(len(expected) + IN_FLIGHT, len(failed), tuple(found))


def _free_ports() -> int:
    """Return the first of as many ports in a row as a stack takes."""
    while True:
        first = random.randrange(20_000, 32_000)
        try:
            for port in range(first, first + PORTS):
                with socket.socket() as one:
                    one.bind(("127.0.0.1", port))
        except OSError:
            continue
        return first
