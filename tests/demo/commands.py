"""The demonstration's commands, from the first publish to the last row compared."""

from __future__ import annotations

import json
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from statistics import median, quantiles
from typing import TYPE_CHECKING, Any

from tests.demo.airports import TYPE, Airport, airports_per_country, choose
from tests.demo.compare import differ
from tests.demo.step import TENANT, Report, Scale

from sfn_cqrs_tools.terminal.drawing import draw_chain
from sfn_cqrs_tools.terminal.progress import progress
from sfn_cqrs_tools.testing.client import PATIENCE_SECONDS, Client, UnexpectedError, wait_until
from sfn_cqrs_tools.testing.faults import Shuffler, Watch

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.console import Console

    from sfn_cqrs_tools.runtime.lambdas import Invocation
    from sfn_cqrs_tools.stack.local_stack import LocalStack

THREADS = 8
_CHECK, WAIT, FINISH = STATES = (
    "CommandCheckVersionFunction",
    "CommandWaitPrevCommandFunction",
    "CommandFinishFunction",
)
GAP_SECONDS = 0.001
ALONE = 10
"""How many versions are published one by one first, while nothing else runs."""


@dataclass
class Story:
    """The results: times in seconds of `time.perf_counter`, versions by (code, version)."""

    published: dict[tuple[str, int], float] = field(default_factory=dict)
    alone: list[float] = field(default_factory=list)
    begun: dict[tuple[str, int], float] = field(default_factory=dict)
    started: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    applied: set[tuple[str, int]] = field(default_factory=set)
    waits: int = 0
    healed: int = 0
    began: float = 0.0
    ended: float = 0.0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def on_invocation(self, invocation: Invocation) -> None:
        """Take what each function was asked; of an EXPRESS execution nobody else tells."""
        state = next((one for one in STATES if invocation.function.endswith(one)), None)
        if state is None:
            return
        work = json.loads(invocation.payload)["context"]["Execution"]["Input"]
        code, version = work["code"], work["version"]
        with self.lock:
            if state == WAIT:
                self.waits += 1
            elif state == FINISH:
                self.applied |= {(code, version)} if invocation.error is None else set()
            else:
                self.begun[code, version] = time.perf_counter()
                if version not in self.started[code]:
                    self.started[code].append(version)

    @property
    def out_of_order(self) -> int:
        """Return how many versions were started before an earlier one of their item."""
        return sum(
            any(earlier < version for earlier in versions[position + 1 :])
            for versions in self.started.values()
            for position, version in enumerate(versions)
        )


class Demo:
    """One run on a stack that is up."""

    def __init__(self, stack: LocalStack, airports: list[Airport]) -> None:
        """Take the stack, and what to publish."""
        self._stack = stack
        self._airports = airports
        self._broken = airports[len(airports) // 2].icao
        self.story = Story()
        self.shuffler = Shuffler()
        self.watch = Watch(TYPE)

    @property
    def commands(self) -> int:
        """Return how many versions there are to publish."""
        return sum(len(airport.versions) for airport in self._airports)

    @property
    def broken(self) -> str:
        """Return the airport whose handler fails on purpose."""
        return self._broken

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Put the faults in place, and listen to what happens."""
        self.watch.failing_code = self._broken
        functions = self._stack.functions
        with (
            _listed(functions.listeners, self.story.on_invocation),
            self.shuffler.installed(self._stack),
            self.watch.installed(),
        ):
            yield

    def publish_alone(self, progress: Callable[[int], None]) -> None:
        """Publish the first versions of a few airports, each once the one before is read.

        Raises:
            UnexpectedError: a version does not reach its read models.
        """
        few = self._airports[: min(ALONE, len(self._airports) // 2)]
        with Client(self._stack.http) as client:
            for airport in few:
                self._publish(client, airport.icao, 1, airport.versions[0])
                problem = f"{airport.icao} does not come to its read models"
                first = (airport.icao, 1)
                wait_until(partial(self.watch.reached.__contains__, first), problem, GAP_SECONDS)
                self.story.alone.append(self._latency(airport.icao, 1))
                progress(len(self.story.alone))

    def publish(self, progress: Callable[[int], None]) -> None:
        """Publish every other version from eight threads, those of an airport 1 ms apart."""
        self.story.began = time.perf_counter()
        early = set(self.story.published)

        def publish_one(client: Client, airport: Airport) -> None:
            for version, body in enumerate(airport.versions, start=1):
                if (airport.icao, version) in early:
                    continue
                self._publish(client, airport.icao, version, body)
                progress(len(self.story.published))
                time.sleep(GAP_SECONDS)

        self._for_each_airport(publish_one)

    def _for_each_airport(self, work: Callable[[Client, Airport], None]) -> None:
        """Work on the airports from eight threads, each with a connection of its own."""
        local = threading.local()

        def work_on(airport: Airport) -> None:
            if not hasattr(local, "client"):
                local.client = Client(self._stack.http)
            work(local.client, airport)

        with ThreadPoolExecutor(THREADS) as pool:
            list(pool.map(work_on, self._airports))

    def settle(self, progress: Callable[[int], None]) -> None:
        """Wait until every version but those of the broken airport is applied.

        Raises:
            UnexpectedError: nothing moves any more.
        """
        broken = next(a for a in self._airports if a.icao == self._broken)
        self._wait_for(self.commands - len(broken.versions), progress)
        problem = f"the versions of {self._broken} are not FAILED and BLOCKED"
        wait_until(self._is_blocked, problem)
        self.story.ended = max(self.watch.reached.values())

    def heal(self, progress: Callable[[int], None]) -> None:
        """Repair the handler and retry the failed version; the later ones follow unaided.

        Raises:
            UnexpectedError: the retry was refused, or the chain does not go on.
        """
        self.watch.failing_code = None
        with Client(self._stack.http) as client:
            status, answer = client.send("POST", f"/commands/{TYPE}/{self._broken}/1/retry")
        if status != 202:
            raise UnexpectedError(f"retry was refused: {answer}")
        self._wait_for(self.commands, progress)
        self.story.healed = len(self.chain_of_broken())

    def chain_of_broken(self) -> list[dict[str, Any]]:
        """Return the chain of the airport whose handler failed."""
        with Client(self._stack.http) as client:
            return client.chain(TYPE, self._broken)

    def differences(self, progress: Callable[[int], None] = lambda _done: None) -> list[str]:
        """Compare every read model with the source; return the differences, one line each."""
        with Client(self._stack.http) as client:
            items = client.items(TYPE)
        chains: dict[str, list[dict[str, Any]]] = {}
        histories: dict[str, list[dict[str, Any]]] = {}

        def look(client: Client, airport: Airport) -> None:
            path = f"/data/{TYPE}/{airport.icao}/history?limit=100"
            chains[airport.icao] = client.chain(TYPE, airport.icao)
            histories[airport.icao] = client.send("GET", path)[1]["items"]
            progress(len(histories))

        self._for_each_airport(look)
        return [
            *self._compare_chains(chains),
            *differ("data", self._expected_items(), {i["code"]: _shown(i) for i in items}),
            *self._compare_history(histories),
            *differ("airports_by_country", *self._countries()),
            *differ("airports_by_icao", *self._rows()),
        ]

    @property
    def under_load(self) -> list[tuple[str, int]]:
        """Return the versions that were published all at once, without the broken airport's."""
        alone = {(airport.icao, 1) for airport in self._airports[: len(self.story.alone)]}
        return [
            version
            for version in self.story.published
            if version[0] != self._broken and version not in alone
        ]

    def latencies(self) -> list[float]:
        """Return the seconds from publish to last read model, for versions published at once."""
        return [self._latency(*version) for version in self.under_load]

    @property
    def queued(self) -> float:
        """Return the share of these seconds that passed before it was a version's turn.

        It waits for an execution, and that for the version before: until it is checked last.
        """
        begun, published, reached = self.story.begun, self.story.published, self.watch.reached
        waited = sum(min(begun[one], reached[one]) - published[one] for one in self.under_load)
        return waited / sum(self.latencies())

    def _latency(self, code: str, version: int) -> float:
        return self.watch.reached[code, version] - self.story.published[code, version]

    def numbers(self) -> list[tuple[str, str]]:
        """Return the figures to print."""
        cuts = quantiles(self.latencies(), n=100)
        alone = f"{median(self.story.alone) * 1000:,.0f} ms" if self.story.alone else "-"
        seconds = self.story.ended - self.story.began
        return [
            ("commands", f"{self.commands:,}"),
            ("started out of order", f"{self.story.out_of_order:,}"),
            ("stream records delivered twice", f"{self.shuffler.duplicates:,}"),
            ("waited for a predecessor", f"{self.story.waits:,}"),
            ("failed on purpose, then healed", f"{self.story.healed:,}"),
            ("commands/s", f"{len(self.under_load) / seconds:,.0f}"),
            ("publish to read model, alone, p50", alone),
            ("under load, p50", f"{cuts[49] * 1000:,.0f} ms"),
            ("under load, p99", f"{cuts[98] * 1000:,.0f} ms"),
            ("of that in the queue, until its turn", f"{self.queued:.0%}"),
        ]

    def _publish(self, client: Client, icao: str, version: int, body: dict[str, Any]) -> None:
        published = time.perf_counter()
        status, answer = client.send("POST", "/commands", {**body, "version": version - 1})
        if status != 202 or answer.get("version") != version:
            raise UnexpectedError(
                f"publishing version {version} of {icao} answered {status}: {answer}"
            )
        with self.story.lock:
            self.story.published[icao, version] = published

    def _wait_for(self, applied: int, progress: Callable[[int], None]) -> None:
        last, moved = -1, time.monotonic()
        while len(self.story.applied) < applied:
            if len(self.story.applied) != last:
                last, moved = len(self.story.applied), time.monotonic()
                progress(last)
            if time.monotonic() - moved > PATIENCE_SECONDS:
                raise UnexpectedError(f"only {last} of {applied} versions are applied; see the log")
            time.sleep(0.02)
        progress(applied)

    def _is_blocked(self) -> bool:
        outcomes = {link["version"]: link["outcome"] for link in self.chain_of_broken()}
        failed = outcomes.pop(1, None) == "FAILED"
        return failed and set(outcomes.values()) == {"BLOCKED"}

    def _expected_items(self) -> dict[str, Any]:
        return {
            airport.icao: _content(airport.final, len(airport.versions))
            for airport in self._airports
            if not airport.is_deleted
        }

    def _compare_chains(self, chains: dict[str, list[dict[str, Any]]]) -> list[str]:
        expected = {a.icao: len(a.versions) for a in self._airports}
        applied = {
            icao: sum(link["outcome"] == "APPLIED" for link in links)
            for icao, links in chains.items()
        }
        return differ("applied versions", expected, applied)

    def _compare_history(self, histories: dict[str, list[dict[str, Any]]]) -> list[str]:
        expected = {
            (airport.icao, version): _content(body, version)
            for airport in self._airports
            for version, body in enumerate(airport.versions[:-1], start=1)
        }
        found = {
            (icao, row["version"]): _shown(row) for icao, rows in histories.items() for row in rows
        }
        return differ("history", expected, found)

    def _countries(self) -> tuple[dict[str, int], dict[str, int]]:
        from shop import airports  # noqa: PLC0415 - the stack puts it on the path

        counts = airports.airports_of(TENANT)
        found = {country: count for country, count in counts.items() if count}
        return airports_per_country(self._airports), found

    def _rows(self) -> tuple[dict[str, Any], dict[str, Any]]:
        fields = ("iata", "city", "country", "lat", "lon")
        expected = {
            airport.icao: {
                **{name: airport.final["attributes"][name] for name in fields},
                "name": airport.final["name"],
                "version": len(airport.versions),
                "is_deleted": airport.is_deleted,
            }
            for airport in self._airports
        }
        from shop import airports  # noqa: PLC0415 - the stack puts it on the path

        rows = airports.by_icao().rows(TENANT, "airports")
        return expected, {row.pop("sort"): row for row in rows}


@contextmanager
def _listed(listeners: list[Any], listener: Any) -> Iterator[None]:
    """Have a listener in a list while entered."""
    listeners.append(listener)
    try:
        yield
    finally:
        listeners.remove(listener)


def tell(stack: LocalStack, console: Console, scale: Scale) -> Report:
    """Publish out of order, let a handler fail, heal it, and compare every row."""
    story = Demo(stack, choose(scale.airports))
    with story.listening():
        with progress(console, "One by one", min(ALONE, scale.airports // 2)) as update:
            story.publish_alone(update)
        with progress(console, "Published", story.commands) as update:
            story.publish(update)
        with progress(console, "Applied", story.commands) as update:
            story.settle(update)
        console.print(f"\nThe handler of {story.broken} failed on purpose; its chain:\n")
        console.print(draw_chain(story.chain_of_broken()), soft_wrap=True)
        console.print(f"\nThe handler is repaired: chain retry {story.broken} 1\n")
        with progress(console, "Healed", story.commands) as update:
            story.heal(update)
        console.print()
        console.print(draw_chain(story.chain_of_broken()), soft_wrap=True)
    console.print("\nComparing chains, data, history and read models with the source …\n")
    with progress(console, "Compared", scale.airports) as update:
        return Report(story.numbers(), story.differences(update))


def _content(body: dict[str, Any], version: int) -> dict[str, Any]:
    return {"version": version, "name": body["name"], "attributes": body["attributes"]}


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    return {name: row[name] for name in ("version", "name", "attributes")}
