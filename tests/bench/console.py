"""What a page of the console takes with 50,000 items: the processor's time, and what is read.

A stack runs on this machine, with 50,000 items of a type and as many rows in its read model. Each
page is opened a few times; the fewest milliseconds count. They are those of the processor in all
processes of the stack, so a busy machine changes nothing. Read units are DynamoDB's, as on AWS.
"""

import json
import os
import re
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, Final

from report import Figure, main
from stacks import a_stack
from waiting import until_quiet

from sfn_cqrs.kernel.keys import ItemKey
from sfn_cqrs_tools.client.aws import find_target
from sfn_cqrs_tools.console.backend import local
from sfn_cqrs_tools.console.server import ConsoleServer
from sfn_cqrs_tools.runtime.recorder import Recorder
from sfn_cqrs_tools.stack.local_stack import LocalStack

ITEMS: Final = int(os.environ.get("ITEMS", "50000"))
TRIES: Final = 5
MOST_MS: Final = 300.0
BATCH: Final = 25
AT_ONCE: Final = 4
ROW: Final = "orders_by_customer"
PAGES: Final = {
    "overview": "",
    "items of a type": "/items?type=ORDER",
    "items, sorted": "/items?type=ORDER&sort=-code",
    "items, next page": "next",
    "an item": "/items/ORDER/o-77",
    "search for a code": "/search?q=o-49999",
    "search for a name": "/search?q=Order+49999",
    "search for a beginning": "/search/begins?q=o-4999",
    "read models": "/read-models",
    "rows of a read model": f"/read-models/{ROW}/ada",
    "a row of a read model": f"/read-models/{ROW}/ada/o-77",
    "executions": "/executions",
    "imports": "/imports",
    "tasks": "/tasks",
    "sagas": "/sagas",
    "approvals": "/approvals",
    "repairs": "/repairs",
    "rebuilds": f"/rebuilds/{ROW}",
    "queues": "/queues",
}


def measure() -> list[Figure]:
    """Fill a stack, and open each page."""
    recorder = Recorder()
    with a_stack(recorder, window_seconds=0.05, parameters={"ExpressLane": "disabled"}) as stack:
        _fill(stack, recorder)
        target = find_target(stack.state.path, None)
        server = ConsoleServer(local(stack.name, stack.http, target, "kenji"))
        try:
            pages = [_page(server.url, name, path, recorder) for name, path in PAGES.items()]
            return [figure for page in pages for figure in page]
        finally:
            server.close()


def _page(url: str, name: str, path: str, recorder: Recorder) -> Iterator[Figure]:
    """Yield what a page takes, and what it reads."""
    if path == "next":
        path = _next_page(url)
    milliseconds, units = [], []
    for _ in range(TRIES):
        recorder.clear()
        before = _processor_seconds()
        _opened(f"{url}{path}")
        milliseconds.append(1000 * (_processor_seconds() - before))
        units.append(recorder.read_units)
    yield Figure(name, min(milliseconds), "ms", MOST_MS)
    yield Figure(f"{name}: read", min(units), "units")


def _next_page(url: str) -> str:
    html = _opened(f"{url}{PAGES['items of a type']}")
    found = re.search(r'href="/console(/items\?[^"]*cursor[^"]*)"[^>]*rel="next"', html)
    assert found, "the list has no second page"
    return found[1].replace("&amp;", "&")


def _opened(url: str) -> str:
    with urllib.request.urlopen(url, timeout=120) as response:
        return str(response.read().decode())


def _processor_seconds() -> float:
    """Return the processor's time of this process and of all below it."""
    parents: dict[int, int] = {}
    ticks: dict[int, int] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        parents[int(stat.parent.name)] = int(fields[1])
        ticks[int(stat.parent.name)] = int(fields[11]) + int(fields[12])
    mine, found = {os.getpid()}, 0
    while len(mine) > found:
        found = len(mine)
        mine |= {pid for pid, parent in parents.items() if parent in mine}
    return sum(ticks.get(pid, 0) for pid in mine) / os.sysconf("SC_CLK_TCK")


def _fill(stack: LocalStack, recorder: Recorder) -> None:
    """Publish an order, and put copies of what it left under other codes."""
    first = {"type": "ORDER", "code": "o-77", "name": "Order 77", "version": 0}
    body = json.dumps({**first, "attributes": {"customer": "ada", "total": 5}}).encode()
    headers = {"content-type": "application/json", "x-tenant-code": "tenant1", "x-user": "kenji"}
    request = urllib.request.Request(f"{stack.http}/commands", body, headers)
    urllib.request.urlopen(request, timeout=60).close()
    until_quiet(recorder)
    client = stack.client("dynamodb")
    tables = [stack.outputs[name] for name in ("DataTableName", "ReadModelsTableName")]
    made = [item for table in tables for item in client.scan(TableName=table)["Items"]]
    data = next(one for one in made if one["sk"]["S"].endswith("o-77") and "ORDER" in str(one))
    row = next(one for one in made if "ada" in one["pk"]["S"])
    numbers = [number for number in range(ITEMS) if number != 77]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for table, item in zip(tables, (data, row), strict=True):
            put = partial(_put, client, table, item)
            list(pool.map(put, _batches(numbers)))


def _copy(item: dict[str, Any], number: int) -> dict[str, Any]:
    """Return an item under another code; one of the data table has a place of its own."""
    text = json.dumps(item).replace("o-77", f"o-{number}").replace("Order 77", f"Order {number}")
    copy: dict[str, Any] = json.loads(text)
    key = ItemKey("tenant1", "ORDER", f"o-{number}")
    return {**copy, "pk": {"S": key.data_pk}} if copy["sk"]["S"] == key.sk else copy


def _put(client: Any, table: str, item: dict[str, Any], numbers: list[int]) -> None:
    puts = [{"PutRequest": {"Item": _copy(item, number)}} for number in numbers]
    client.batch_write_item(RequestItems={table: puts})


def _batches(numbers: list[int]) -> Iterator[list[int]]:
    every = iter(numbers)
    while some := list(islice(every, BATCH)):
        yield some


if __name__ == "__main__":
    main(f"Pages of the console, {ITEMS:,} items", measure)
