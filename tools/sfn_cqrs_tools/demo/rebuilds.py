"""The demonstration's read models: searched in PostgreSQL, and one rebuilt while it is written."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from http import HTTPStatus
from itertools import count
from threading import Event, Thread
from typing import TYPE_CHECKING, Any

from sfn_cqrs_tools.demo.client import Client
from sfn_cqrs_tools.demo.compare import unlike
from sfn_cqrs_tools.demo.step import PATIENCE_SECONDS, DemoError, Report, Scale

if TYPE_CHECKING:
    from rich.console import Console

    from sfn_cqrs_tools.stack.local_stack import LocalStack

VIEW, CUSTOMER = "orders_by_customer", "grace"
BEFORE, LIVE = 10, 5
"""Orders that are there before, and of how many each next version comes meanwhile."""
AT_WORK = ("REPLAYING", "COMPARING")


@dataclass
class RebuildStory:
    """The published orders, and the read model's rows before and after the switch."""

    published: dict[str, int] = field(default_factory=dict)
    found: list[str] = field(default_factory=list)
    has_search: bool = True
    waited: dict[str, Any] = field(default_factory=dict)
    ready: dict[str, Any] = field(default_factory=dict)
    before: dict[str, int] = field(default_factory=dict)
    after: dict[str, int] = field(default_factory=dict)

    def differences(self) -> list[str]:
        """Compare with the expected facts; return the differences, one line each."""
        compared = self.ready["compared"]
        facts: list[tuple[str, Any, Any]] = [
            ("the rebuild", "READY", self.ready["stage"]),
            ("orders that could not be replayed", 0, self.ready["replayed"]["failed"]),
            ("rows of one generation alone", 0, compared["onlyOne"]),
            ("rows that differ", 0, compared["different"]),
            ("the old generation", self.published, self.before),
            ("the new generation", self.published, self.after),
            ("the version that was waited for", "APPLIED", self.waited.get("outcome")),
        ]
        if self.has_search:
            facts.append(("orders found", sorted(self.published)[:BEFORE], self.found))
        return unlike(facts)


def tell(stack: LocalStack, console: Console, scale: Scale) -> Report:
    """Search orders, rebuild a read model while more are published, and compare the two."""
    del scale
    console.print(f"\n{VIEW} is rebuilt while orders are published:\n")
    began = time.monotonic()
    story = run_rebuild(stack)
    seconds = time.monotonic() - began
    replayed, compared = story.ready["replayed"], story.ready["compared"]
    if story.has_search:
        console.print(f"  {len(story.found)} orders of {CUSTOMER} found in PostgreSQL")
    console.print(
        f"  replayed {replayed['done']} and {replayed['skipped']} that live versions had brought,"
        f" {replayed['failed']} failed; compared: {compared['equal']} equal,"
        f" {compared['onlyOne']} in one only, {compared['different']} different"
    )
    version = story.waited.get("version")
    console.print(f"  switched; version {version} of live-0 was waited for, and is there")
    return Report(
        [("read model rebuilt, while it is written", f"{seconds:.1f} s")], story.differences()
    )


def run_rebuild(stack: LocalStack) -> RebuildStory:
    """Publish orders, rebuild the read model meanwhile, and read it before and after the switch.

    Raises:
        DemoError: a request was refused, or the rebuild does not end.
    """
    story = RebuildStory(has_search=stack.postgres is not None)
    is_over = Event()
    with Client(stack.http) as client:
        for number in range(BEFORE):
            _publish(client, story, f"demo-{number:02d}", mode="sync")
        if story.has_search:
            story.found = _searched(client)
        publishing = Thread(target=_publish_on, args=(stack, story, is_over))
        publishing.start()
        try:
            _asked(client, "POST", f"/rebuilds/{VIEW}", {})
            story.ready = _ended(client)
        finally:
            is_over.set()
            publishing.join()
        _publish(client, story, "live-0", wait=10)
        closed = {code: _until_closed(client, code, at) for code, at in story.published.items()}
        story.waited = closed["live-0"]
        story.before = _rows(client)
        _asked(client, "POST", f"/rebuilds/{VIEW}/switch", {})
        story.after = _rows_once_known(client, stack)
    return story


def _publish_on(stack: LocalStack, story: RebuildStory, is_over: Event) -> None:
    """Publish version after version until somebody says that it is enough."""
    with Client(stack.http) as client:
        for number in count():
            if is_over.is_set() and number >= LIVE:
                return
            _publish(client, story, f"live-{number % LIVE}")
            time.sleep(0.1 + number / 100)  # ever later: on a bad day a rebuild takes minutes


def _publish(
    client: Client, story: RebuildStory, code: str, *, mode: str = "async", wait: int = 0
) -> dict[str, Any]:
    version = story.published.get(code, 0)
    attributes = {"customer": CUSTOMER, "total": version + 1}
    order = {"type": "ORDER", "code": code, "name": f"Order {code}", "attributes": attributes}
    path = f"/commands?wait={wait}" if wait else "/commands"
    answer = _asked(client, "POST", path, {**order, "version": version, "mode": mode})
    story.published[code] = answer["version"]
    return answer


def _until_closed(client: Client, code: str, version: int) -> dict[str, Any]:
    """Wait for a version, again and again on a slow day; return what became of it."""
    path = f"/commands/ORDER/{code}/{version}?wait=10"
    deadline = time.monotonic() + PATIENCE_SECONDS
    while (answer := client.send("GET", path))[0] != HTTPStatus.OK:
        if time.monotonic() > deadline:
            raise DemoError(f"version {version} of ORDER {code} does not close; see the log")
    return answer[1]


def _ended(client: Client) -> dict[str, Any]:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while (found := client.send("GET", f"/rebuilds/{VIEW}")[1])["stage"] in AT_WORK:
        if found["progress"]["hasStopped"]:
            _asked(client, "POST", f"/rebuilds/{VIEW}/resume", None)
        if time.monotonic() > deadline:
            raise DemoError(f"the rebuild is still {found['stage']}; see the log")
        time.sleep(0.1)
    return found


def _searched(client: Client) -> list[str]:
    path = f"/orders/search?customer={CUSTOMER}&words=order&limit=100"
    return [one["code"] for one in _asked(client, "GET", path)["items"]]


def _rows(client: Client) -> dict[str, int]:
    path = f"/read-models/{VIEW}/{CUSTOMER}?limit=100"
    return {one["sort"]: one["row"]["version"] for one in _asked(client, "GET", path)["items"]}


def _rows_once_known(client: Client, stack: LocalStack) -> dict[str, int]:
    """Return the rows, once every function knows which generation serves."""
    time.sleep(int(stack.environment["GENERATIONS_KNOWN_SECONDS"] or 0) + 0.1)
    return _rows(client)


def _asked(client: Client, method: str, path: str, body: Any = None) -> dict[str, Any]:
    status, answer = client.send(method, path, body)
    if status not in (HTTPStatus.OK, HTTPStatus.ACCEPTED):
        raise DemoError(f"{method} {path} answered {status}: {answer}")
    return answer
