"""How much a stack sustains at AWS's quotas: commands and imported rows a second, simulated.

The functions run once, through the local stack, and what they ask of AWS is kept: each call, the
partitions that it writes to and its units. Then that is done again and again under a virtual
clock, where AWS's quotas are token buckets and its answers take as long as on AWS. What is
throttled waits for its turn, and what binds is the quota that is used up. The buckets are empty
at first, so bursts are not counted. Calls and their units are counted; quotas and prices are
those that AWS publishes; how long its answers take, and a batch of rows, is an estimate.
"""

import heapq
import importlib
import math
import random
import re
import threading
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import count
from pathlib import Path
from statistics import quantiles
from typing import Any

from report import Figure, main
from stacks import a_stack
from waiting import until_quiet

from sfn_cqrs.kernel.functions.logs import logger
from sfn_cqrs.kernel.keys import BUCKETS
from sfn_cqrs_tools.client.prices import EXPRESS_GB, million
from sfn_cqrs_tools.runtime.recorder import Recorder
from sfn_cqrs_tools.stack.local_stack import LocalStack
from sfn_local.lint.template_file import load_yaml

ROOT = Path(__file__).resolve().parents[2]
TRACED, CUSTOMER = "traced", "ada"
"""An order, and whose it is: each is another customer's, as each is another order."""
TENANTS = (1, 10, 1_000)
VIRTUAL_SECONDS = 20
BISECTIONS = 5
SUSTAINED = 0.99
"""Of what is offered in the second half, so much must be done in it."""
LOAD = 0.8
"""Latencies are those at this share of the highest rate."""
PARTITION_WRITES = 1_000
PARTITION_LANES = 10
"""The template's ParallelizationFactor."""
STREAM_BATCH = 25
NEW_TABLE_WRITES = 4_000
LAMBDAS = 1_000
LAMBDA_REQUESTS = 10 * LAMBDAS
"""Synchronous requests a second: ten for each environment."""
EXPRESS_STARTS = 6_000
CHILD_STARTS = 1_000
BATCH = 100
MEMORY_GB = 0.5
BATCH_GB = 1.0
SECONDS = {
    "invocation": 0.015,
    "transition": 0.020,
    "poll": 0.25,
    "batch of rows": 2.0,
    "StartExecution": 0.030,
    "StartExecution, EXPRESS": 0.030,
    "Publish": 0.025,
    "PublishBatch": 0.025,
    "TransactWriteItems": 0.015,
    "BatchGetItem": 0.010,
    "GetObject": 0.030,
    "PutObject": 0.050,
}
"""A call that is not named takes USUAL_SECONDS; a batch of rows takes two seconds on Lambda."""
USUAL_SECONDS = 0.005
CHILD_GB_SECONDS = 5 * EXPRESS_GB
"""A child of the import's Map lasts some five seconds."""


@dataclass(frozen=True)
class Call:
    """One call: what it writes to, by table, partition and units."""

    operation: str
    writes: tuple[tuple[str, str, float], ...] = ()
    write_units: float = 0.0
    read_units: float = 0.0


@dataclass(frozen=True)
class Stage:
    """One function of a command's way; `width` of them run at once.

    A state of the STANDARD machine takes transitions, one of the EXPRESS machine none.
    """

    function: str
    calls: tuple[Call, ...]
    width: int = 1
    is_stream: bool = False
    is_state: bool = False
    transitions: float = 0.0


@dataclass(frozen=True)
class Setup:
    """A region's quotas, and what the template's parameters raise."""

    starts: float
    start_burst: float
    transitions: float
    messages: float
    requests: float = 200
    table_writes: float = NEW_TABLE_WRITES
    tenant_requests: float = 100


REGIONS = {
    "large": Setup(300, 1_300, 5_000, 9_000),  # us-east-1, us-west-2, eu-west-1
    "small": Setup(150, 800, 800, 300),  # of messages to SNS, most regions take more
}
RAISED = {"requests": 5_000, "table_writes": 40_000, "tenant_requests": 5_000}
"""`ApiRateLimit`, `WarmWrites`, and `TenantWriteRate` with `TenantWriteBurst`."""
RAISED_TEXT = "ApiRateLimit 5000, WarmWrites 40000, TenantWriteRate and TenantWriteBurst 5000"
LEAST, LEAST_ROWS = 1_000, 5_000
"""Commands a second of the express lane in a large region, and rows a second, with these raised."""


class Bucket:
    """A quota: whoever comes when it is empty waits for its turn."""

    def __init__(self, rate: float, depth: float) -> None:
        """Begin without a burst."""
        self._rate = rate
        self._depth = self._full_at = depth / rate
        self._taken = 0.0

    def take(self, at: float, units: float = 1.0) -> float:
        """When so many units are had by who asks at a time."""
        begin = max(at, self._full_at - self._depth)
        self._full_at = max(self._full_at, at) + units / self._rate
        self._taken += units
        return begin

    def usage(self, seconds: float) -> float:
        """The share of the quota that was taken."""
        return self._taken / self._rate / seconds


class Slots:
    """A number of things that one caller at a time has, such as environments of Lambda."""

    def __init__(self, count: int) -> None:
        """All are free."""
        self._free = [0.0] * count

    def take(self, at: float) -> float:
        """When one is free for who asks at a time; it is given back by `give`."""
        return max(at, heapq.heappop(self._free))

    def give(self, at: float) -> None:
        """One is free again."""
        heapq.heappush(self._free, at)


@dataclass
class Lane:
    """What one of a shard's parallel batches has before it."""

    waiting: list[tuple[int, int]] = field(default_factory=list)
    is_busy: bool = False
    worked: float = 0.0


class Region:
    """AWS under the virtual clock: its quotas, and what was used of it."""

    def __init__(self, setup: Setup) -> None:
        """Everything is idle."""
        self._random = random.Random(11)
        self._setup = setup
        self.buckets: dict[str, Bucket] = {
            "the API's limit": Bucket(setup.requests, setup.requests),
            "StartExecution": Bucket(setup.starts, setup.start_burst),
            "StartExecution, EXPRESS": Bucket(EXPRESS_STARTS, EXPRESS_STARTS),
            "state transitions": Bucket(setup.transitions, setup.transitions),
            "Lambda's requests": Bucket(LAMBDA_REQUESTS, LAMBDA_REQUESTS),
            "starts of children": Bucket(CHILD_STARTS, CHILD_STARTS),
            "SNS's messages": Bucket(setup.messages, setup.messages),
        }
        self.lambdas = Slots(LAMBDAS)
        self.lanes: dict[tuple[int, int], Lane] = defaultdict(Lane)
        self.shards = max(4, round(setup.table_writes / PARTITION_WRITES))
        self.used: defaultdict[str, float] = defaultdict(float)
        self.gb_seconds = 0.0
        self.worked = 0.0

    def lane(self) -> Lane:
        """The lane of an item, by a hash of its key."""
        shard, lane = self._random.randrange(self.shards), self._random.randrange(PARTITION_LANES)
        return self.lanes[shard, lane]

    def poll(self) -> float:
        """How long a stream's poller may take to look."""
        return self._random.uniform(0, SECONDS["poll"])

    def take(self, name: str, at: float, units: float = 1.0) -> float:
        """When a quota lets pass."""
        return self.buckets[name].take(at, units)

    def request(self, at: float, tenant: int) -> float:
        """When a tenant's request comes through the API's limit, and through the tenant's own."""
        self.used["API request"] += 1
        own = self._bucket(f"the limit of tenant {tenant}", self._setup.tenant_requests)
        return own.take(self.take("the API's limit", at))

    def invoke(
        self, at: float, works: Iterable[tuple[tuple[Call, ...], int]], memory: float = MEMORY_GB
    ) -> float:
        """When a function has ended that makes calls for tenants, one after the other."""
        begin = self.lambdas.take(self.take("Lambda's requests", at))
        end = begin + SECONDS["invocation"]
        for calls, tenant in works:
            for call in calls:
                allowed = self._allowed(end, call, tenant)
                self.worked -= allowed - end
                end = allowed + SECONDS.get(call.operation, USUAL_SECONDS)
        self.lambdas.give(end)
        self.used["invocation"] += 1
        self.gb_seconds += (end - begin) * memory
        self.worked += end - begin
        return end

    def _allowed(self, at: float, call: Call, tenant: int) -> float:
        if call.operation.startswith("StartExecution"):
            at = self.take(call.operation, at)
        for table, shape, units in call.writes:
            at = self._bucket(table, self._setup.table_writes).take(at, units)
            if "{code}" not in shape:
                at = self._partition(table, shape, tenant).take(at, units)
        self.used["write unit"] += call.write_units
        self.used["read unit"] += call.read_units
        if call.operation.startswith("Publish"):
            self.used["SNS publish"] += 1
            at = self.take("SNS's messages", at)  # a command tells one
        return at

    def _partition(self, table: str, shape: str, tenant: int) -> Bucket:
        place = shape.replace("{bucket}", str(self._random.randrange(BUCKETS)))
        name = f"a partition of {table}: {place.replace('{tenant}', str(tenant))}"
        return self._bucket(name, PARTITION_WRITES)

    def _bucket(self, name: str, rate: float) -> Bucket:
        if name not in self.buckets:
            self.buckets[name] = Bucket(rate, rate)
        return self.buckets[name]

    def binding(self, seconds: float) -> str:
        """What most was taken of, by its share; waiting for another quota is no use of Lambda."""
        usage = {name: bucket.usage(seconds) for name, bucket in self.buckets.items()}
        usage["Lambda's concurrency"] = self.worked / LAMBDAS / seconds
        lanes = self.shards * PARTITION_LANES
        usage["the stream's lanes"] = (
            sum(lane.worked for lane in self.lanes.values()) / lanes / seconds
        )
        return max(usage, key=lambda name: usage[name])

    def dollars(self, done: float) -> float:
        """Dollars for a million of what so many were done of."""
        used = {**self.used, "GB-second, arm64": self.gb_seconds}
        return million(used) / done


@dataclass
class Run:
    """What came of a rate that was offered."""

    region: Region
    rate: float
    seconds: float
    took: list[float]
    ended: list[float]

    @property
    def done(self) -> float:
        """Commands a second, in the second half."""
        half = self.seconds / 2
        return sum(half < end <= self.seconds for end in self.ended) / half

    @property
    def is_sustained(self) -> bool:
        """Whether as many are done as come."""
        return self.done >= SUSTAINED * self.rate


class Flow:
    """Commands that go their way through the stages, event by event."""

    def __init__(self, stages: list[Stage], setup: Setup, tenants: int, rate: float) -> None:
        """Offer nothing yet; `rate` is how many a second will be."""
        self._stages = stages
        self._tenants = tenants
        self._region = Region(setup)
        self._events: list[tuple[float, int, Callable[[float], None]]] = []
        self._number = count()
        self._first_state, *_, self._last_state = (
            place for place, one in enumerate(stages) if one.is_state
        )
        self._begun: dict[int, float] = {}
        self.run = Run(self._region, rate, VIRTUAL_SECONDS, [], [])

    def go(self, seconds: float) -> Run:
        """Offer commands until the time is over."""
        self.run.seconds = seconds
        for command in range(int(self.run.rate * seconds)):
            self._later(command / self.run.rate, partial(self._called, command))
        while self._events and self._events[0][0] <= seconds:
            at, _, happens = heapq.heappop(self._events)
            happens(at)
        return self.run

    def _later(self, at: float, happens: Callable[[float], None]) -> None:
        heapq.heappush(self._events, (at, next(self._number), happens))

    def _called(self, command: int, at: float) -> None:
        """The HTTP call, which the API's own limit lets pass."""
        allowed = self._region.request(at, command % self._tenants)
        self._later(allowed, partial(self._invoked, command, 0))

    def _next(self, command: int, place: int, at: float) -> None:
        if place == self._first_state:
            self._begun[command] = at
        if place == self._last_state + 1:
            self.run.took.append(at - command / self.run.rate)
            self._billed(at - self._begun.pop(command))
        if place == len(self._stages):
            self.run.ended.append(at)
            return
        enter = self._streamed if self._stages[place].is_stream else self._entered
        self._later(at, partial(enter, command, place))

    def _billed(self, lasted: float) -> None:
        """An execution has ended: one of the EXPRESS machine is paid for, and its time."""
        if not self._stages[self._first_state].transitions:
            self._region.used["EXPRESS execution"] += 1
            billed = math.ceil(lasted * 10) / 10
            self._region.used["EXPRESS GB-second"] += EXPRESS_GB * billed

    def _entered(self, command: int, place: int, at: float) -> None:
        """A state of the machine."""
        transitions = self._stages[place].transitions
        self._region.used["state transition"] += transitions
        allowed = self._region.take("state transitions", at, transitions)
        self._invoked(command, place, allowed + SECONDS["transition"])

    def _invoked(self, command: int, place: int, at: float) -> None:
        stage, tenant = self._stages[place], command % self._tenants
        parts = [stage.calls[part :: stage.width] for part in range(stage.width)]
        ends = [self._region.invoke(at, [(calls, tenant)]) for calls in parts]
        self._next(command, place + 1, max(ends))

    def _streamed(self, command: int, place: int, at: float) -> None:
        """A record of a stream: it waits in its lane for the next batch."""
        lane = self._region.lane()
        lane.waiting.append((command, place))
        if not lane.is_busy:
            lane.is_busy = True
            self._later(at + self._region.poll(), partial(self._batch, lane))

    def _batch(self, lane: Lane, at: float) -> None:
        taken, lane.waiting = lane.waiting[:STREAM_BATCH], lane.waiting[STREAM_BATCH:]
        lane.is_busy = bool(taken)
        if not taken:
            return
        works = [(self._stages[place].calls, number % self._tenants) for number, place in taken]
        end = self._region.invoke(at, works)
        lane.worked += end - at
        for command, place in taken:
            self._next(command, place + 1, end)
        self._later(end, partial(self._batch, lane))


def run_commands(
    stages: list[Stage], setup: Setup, tenants: int, rate: float, seconds: float = VIRTUAL_SECONDS
) -> Run:
    """Offer commands at a rate, until the time is over; each goes its way through the stages."""
    return Flow(stages, setup, tenants, rate).go(seconds)


def highest(attempt: Callable[[float], Run]) -> tuple[Run, Run]:
    """The highest rate that is sustained, and the lowest seen that is not."""
    good = attempt(20.0)
    if not good.is_sustained:
        raise RuntimeError("twenty commands a second are too many")
    bad = attempt(2 * good.rate)
    while bad.is_sustained:
        good, bad = bad, attempt(2 * bad.rate)
    for _ in range(BISECTIONS):
        tried = attempt((good.rate + bad.rate) / 2)
        good, bad = (tried, bad) if tried.is_sustained else (good, tried)
    return good, bad


def run_rows(calls: tuple[Call, ...], setup: Setup, tenants: int, children: int) -> Run:
    """Have an import of each tenant run as fast as its Map and AWS let it."""
    region = Region(setup)
    done = Run(region, 0.0, VIRTUAL_SECONDS, [], [])
    workers = [(0.0, number, number % tenants) for number in range(min(children * tenants, 4_000))]
    heapq.heapify(workers)
    while workers[0][0] < VIRTUAL_SECONDS:
        at, number, tenant = heapq.heappop(workers)
        begin = region.take("starts of children", at)
        end = region.invoke(begin, [(calls, tenant)], BATCH_GB)
        rest = max(0.0, begin + SECONDS["batch of rows"] - end)  # the function's own work
        region.gb_seconds += rest * BATCH_GB
        region.worked += rest
        region.used["EXPRESS execution"] += 1
        region.used["EXPRESS GB-second"] += CHILD_GB_SECONDS
        done.ended.append(end + rest)
        heapq.heappush(workers, (end + rest, number, tenant))
    return done


class Trace(Recorder):
    """A recorder that keeps what each call writes to, too."""

    def __init__(self, codes: list[str]) -> None:
        """Take the codes of the items that are traced: a partition of one of them is its own."""
        super().__init__()
        self._hooks = [("before-parameter-build.dynamodb", self._asked), *self._hooks]
        self._codes = set(codes)
        self._mine = threading.local()
        self.traced: list[tuple[str, Call]] = []

    def clear(self) -> None:
        """Forget what was recorded."""
        super().clear()
        self.traced.clear()

    def calls_of(self, function: str) -> tuple[Call, ...]:
        """The calls of all invocations of a function, in their order."""
        return tuple(call for name, call in self.traced if name == function)

    def _asked(self, params: dict[str, Any], **_: Any) -> None:
        self._mine.asked = params

    def _called(self, http_response: Any, parsed: Any, model: Any, **more: Any) -> None:
        super()._called(http_response, parsed, model, **more)
        call = self.calls[-1]
        asked, self._mine.asked = getattr(self._mine, "asked", {}), {}
        places = list(_places(asked)) if call.write_units else []
        each = call.write_units / max(1, len(places))
        writes = tuple((table, self._shape(pk), each) for table, pk in places)
        made = Call(call.operation, writes, call.write_units, call.read_units)
        self.traced.append((call.function or "", made))

    def _shape(self, pk: str) -> str:
        last = pk.rpartition("#")[2]
        if last in self._codes:
            return "{code}"
        return re.sub(r"#\d\d$", "#{bucket}", pk).replace("tenant1", "{tenant}")


def _places(asked: dict[str, Any]) -> Iterable[tuple[str, str]]:
    """The tables and partitions that a write writes to."""
    parts = [part for each in asked.get("TransactItems", [asked]) for part in _parts(each)]
    for part in parts:
        key = part.get("Item") or part["Key"]
        yield re.sub(r"^.*-(\w+Table)-\w+$", r"\1", part["TableName"]), key["pk"]["S"]


def _parts(each: dict[str, Any]) -> list[dict[str, Any]]:
    return [each] if "TableName" in each else list(each.values())


def trace_command(stack: LocalStack, trace: Trace, lane: str) -> list[Stage]:
    """Version 2 of an item, from the HTTP call to its notice, as stages.

    One of the standard lane takes transitions.
    """
    command = importlib.import_module("command")
    transitions = 0
    if lane == "standard":
        command._publish_and_wait(stack, trace, TRACED, [1])
        trace.clear()
        executions = command._publish_and_wait(stack, trace, TRACED, [2])
        transitions = sum(command._transitions(stack, arn) for arn in executions)
    else:
        for version in (1, 2):
            command.publish_and_settle(stack, trace, TRACED, version)
    counts = Counter(one.function for one in trace.invocations)
    order = dict.fromkeys(one.function for one in trace.invocations)
    states = [name for name in order if name.startswith("Command")]
    streamed = trace.calls_of("StreamOnProcessChangedFunction")
    start = [call.operation for call in streamed].index("StartExecution")
    begun, told = streamed[: start + 1], streamed[start + 1 :]
    if lane == "express":
        begun = (*begun[:-1], replace(begun[-1], operation="StartExecution, EXPRESS"))
    share = transitions / len(states)
    return [
        Stage("API", trace.calls_of("ApiHandleRequestFunction")),
        Stage("stream", begun, is_stream=True),
        *(
            Stage(name, trace.calls_of(name), counts[name], is_state=True, transitions=share)
            for name in states
        ),
        Stage("stream", told, is_stream=True),
    ]


def trace_rows(stack: LocalStack, trace: Trace, table: list[list[str]]) -> tuple[Call, ...]:
    """A batch of created rows: the calls of the Map's function."""
    imports = importlib.import_module("import")
    imports.register()
    trace.clear()
    imports._import(stack, table)
    until_quiet(trace)
    return trace.calls_of("ImportCsvCsvRowsHandlerFunction")


def measure() -> list[Figure]:
    """Trace the functions, then simulate."""
    logger.setLevel("WARNING")  # it took this process's output, where the table belongs
    table = importlib.import_module("import")._airports(BATCH)
    trace = Trace([TRACED, CUSTOMER, *(cell for row in table[1:] for cell in row[:2])])
    with a_stack(trace, parameters={"ExpressLane": "disabled"}) as stack:
        standard = trace_command(stack, trace, "standard")
        batch = trace_rows(stack, trace, table)
    with a_stack(trace, parameters={"ExpressLane": "enabled"}) as stack:
        express = trace_command(stack, trace, "express")
    return [*_commands({"standard": standard, "express": express}), *_rows(batch)]


def _commands(lanes: dict[str, list[Stage]]) -> list[Figure]:
    """Each lane, in both sizes of regions, as deployed and with the parameters raised."""
    return [
        sustained(lane, lanes[lane], region, tenants, is_raised=is_raised)
        for lane in lanes
        for region in REGIONS
        for is_raised, many in ((False, (1,)), (True, TENANTS))
        for tenants in many
    ]


def sustained(
    lane: str, stages: list[Stage], region: str, tenants: int, *, is_raised: bool
) -> Figure:
    """The highest rate, and what is said of it."""
    setup = replace(REGIONS[region], **RAISED) if is_raised else REGIONS[region]
    good, bad = highest(lambda rate: run_commands(stages, setup, tenants, rate))
    usual = run_commands(stages, setup, tenants, LOAD * good.rate)
    cuts = quantiles(usual.took, n=100)
    dollars = usual.region.dollars(len(usual.ended))
    said = f"p50 {cuts[49]:.1f} s, p99 {cuts[98]:.1f} s, {dollars:.0f} $ a million"
    unit = f"commands/s; {said}; binds: {bad.region.binding(bad.seconds)}"
    name = (
        f"{lane} lane, {region} region, {'raised' if is_raised else 'as deployed'}, "
        f"tenants: {tenants:,}"
    )
    least = LEAST if (lane, region) == ("express", "large") and is_raised else None
    return Figure(name, round(good.rate), unit, least, at_least=True)


def _rows(batch: tuple[Call, ...]) -> list[Figure]:
    figures = []
    deployed = REGIONS["large"]  # no quota of an import is another one elsewhere
    raised, children = replace(deployed, **RAISED), _width()
    for name, setup in (("as deployed", deployed), ("raised", raised)):
        for tenants in TENANTS:
            run = run_rows(batch, setup, tenants, children)
            binds = run.region.binding(run.seconds)
            if run.done * SECONDS["batch of rows"] >= SUSTAINED * children * tenants:
                binds = f"the Map's {children} children"
            dollars = run.region.dollars(len(run.ended) * BATCH)
            unit = f"rows/s; {dollars:.1f} $ a million; binds: {binds}"
            title = f"import, {name}, tenants: {tenants:,}"
            least = LEAST_ROWS if setup is raised else None
            figures.append(Figure(title, round(run.done * BATCH), unit, least, at_least=True))
    return figures


def _width() -> int:
    """Batches of one file at a time: the parameter ImportBatches as it is delivered."""
    document = load_yaml(ROOT / "template.yaml")
    return int(document["Parameters"]["ImportBatches"]["Default"])


if __name__ == "__main__":
    main(f"What a stack sustains at AWS's quotas, by simulation; raised: {RAISED_TEXT}", measure)
