"""The demonstration's read models: searched in PostgreSQL, and one rebuilt while it is written."""

from __future__ import annotations

import time
from http import HTTPStatus
from itertools import count
from threading import Event, Thread
from typing import TYPE_CHECKING, Any

from tests.demo.compare import unlike
from tests.demo.step import Report, Scale

from sfn_cqrs_tools.testing.client import Answer, Client, wait_until

if TYPE_CHECKING:
    from rich.console import Console

    from sfn_cqrs_tools.stack.local_stack import LocalStack

VIEW, CUSTOMER = "orders_by_customer", "grace"
BEFORE, LIVE = 10, 5
"""Orders that are there before, and of how many each next version comes meanwhile."""
AT_WORK = ("REPLAYING", "COMPARING")


def tell(stack: LocalStack, console: Console, scale: Scale) -> Report:
    """Search orders, rebuild a read model while more are published, and compare the two."""
    del scale
    console.print(f"\n{VIEW} is rebuilt while orders are published:\n")
    began = time.monotonic()
    orders, is_over = _Orders(stack), Event()
    with Client(stack.http) as client:
        for number in range(BEFORE):
            orders.publish(client, f"demo-{number:02d}", mode="sync")
        searched = _searched(client) if stack.postgres is not None else None
        publishing = Thread(target=orders.publish_on, args=(is_over,))
        publishing.start()
        try:
            client.asked("POST", f"/rebuilds/{VIEW}", {})
            ready = _ended(client)
        finally:
            is_over.set()
            publishing.join()
        orders.publish(client, "live-0", wait=10)
        published = orders.published
        closed = {code: _until_closed(client, code, at) for code, at in published.items()}
        before = _rows(client)
        if any(ready["compared"][what] for what in ("onlyOne", "different")):
            client.asked("POST", f"/rebuilds/{VIEW}/compare")
            ready = _ended(client)  # the first comparison met a handler that was run again
        client.asked("POST", f"/rebuilds/{VIEW}/switch", {})
        after = _rows_once_known(client, stack)
    seconds = time.monotonic() - began
    replayed, compared, waited = ready["replayed"], ready["compared"], closed["live-0"]
    if searched is not None:
        console.print(f"  {len(searched)} orders of {CUSTOMER} found in PostgreSQL")
    console.print(
        f"  replayed {replayed['done']} and {replayed['skipped']} that live versions had brought,"
        f" {replayed['failed']} failed; compared: {compared['equal']} equal,"
        f" {compared['onlyOne']} in one only, {compared['different']} different"
    )
    version = waited.get("version")
    console.print(f"  switched; version {version} of live-0 was waited for, and is there")
    facts: list[tuple[str, Any, Any]] = [
        ("the rebuild", "READY", ready["stage"]),
        ("orders that could not be replayed", 0, replayed["failed"]),
        ("rows of one generation alone", 0, compared["onlyOne"]),
        ("rows that differ", 0, compared["different"]),
        ("the old generation", published, before),
        ("the new generation", published, after),
        ("the version that was waited for", "APPLIED", waited.get("outcome")),
    ]
    if searched is not None:
        facts.append(("orders found", sorted(published)[:BEFORE], searched))
    return Report([("read model rebuilt, while it is written", f"{seconds:.1f} s")], unlike(facts))


class _Orders:
    """The published orders, each with its latest version."""

    def __init__(self, stack: LocalStack) -> None:
        self._stack = stack
        self.published: dict[str, int] = {}

    def publish(self, client: Client, code: str, *, mode: str = "async", wait: int = 0) -> None:
        version = self.published.get(code, 0)
        attributes = {"customer": CUSTOMER, "total": version + 1}
        order = {"type": "ORDER", "code": code, "name": f"Order {code}", "attributes": attributes}
        path = f"/commands?wait={wait}" if wait else "/commands"
        answer = client.asked("POST", path, {**order, "version": version, "mode": mode})
        self.published[code] = answer["version"]

    def publish_on(self, is_over: Event) -> None:
        """Publish version after version until somebody says that it is enough."""
        with Client(self._stack.http) as client:
            for number in count():
                if is_over.is_set() and number >= LIVE:
                    return
                self.publish(client, f"live-{number % LIVE}")
                time.sleep(0.1 + number / 100)  # ever later: on a bad day a rebuild takes minutes


def _until_closed(client: Client, code: str, version: int) -> Answer:
    """Wait for a version, again and again on a slow day; return what became of it."""
    path = f"/commands/ORDER/{code}/{version}?wait=10"
    problem = f"version {version} of ORDER {code} does not close; see the log"
    answers: list[Answer] = []

    def is_closed() -> bool:
        status, answer = client.send("GET", path)
        answers.append(answer)
        return status == HTTPStatus.OK

    wait_until(is_closed, problem)
    return answers[-1]


def _ended(client: Client) -> Answer:
    """Wait for the end of the rebuild, and resume it where it has stopped."""

    def has_ended(found: Answer) -> bool:
        if found["stage"] in AT_WORK and found["progress"]["hasStopped"]:
            client.asked("POST", f"/rebuilds/{VIEW}/resume")
        return found["stage"] not in AT_WORK

    return client.until(f"/rebuilds/{VIEW}", has_ended)


def _searched(client: Client) -> list[str]:
    path = f"/orders/search?customer={CUSTOMER}&words=order&limit=100"
    return [one["code"] for one in client.asked("GET", path)["items"]]


def _rows(client: Client) -> dict[str, int]:
    path = f"/read-models/{VIEW}/{CUSTOMER}?limit=100"
    return {one["sort"]: one["row"]["version"] for one in client.asked("GET", path)["items"]}


def _rows_once_known(client: Client, stack: LocalStack) -> dict[str, int]:
    """Return the rows, once every function knows which generation serves."""
    time.sleep(int(stack.environment["GENERATIONS_KNOWN_SECONDS"] or 0) + 0.1)
    return _rows(client)
