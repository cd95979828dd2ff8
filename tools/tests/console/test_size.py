"""Pages of large histories and long lists are there within a second."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from math import inf

import pytest
from playwright.sync_api import expect
from tests.support.waiting import waited
from tools.tests.console.browser import chromium

from sfn_cqrs_tools.client.aws import Target
from sfn_cqrs_tools.console.backend import Backend
from sfn_cqrs_tools.console.server import ConsoleServer
from sfn_cqrs_tools.console.who import Who
from sfn_local import Engine
from sfn_local.server import serve_engine

ITERATIONS = 6_200
"""Each of four events and one state, and so some 25,000 events."""
EXECUTIONS = 100_000
SECOND = 1.0
TRIES = 5
PAINTED = """() => new Promise((tell) => {
    const told = (list) => {
        const first = list.getEntriesByName("first-contentful-paint")[0];
        if (first) tell(first.startTime / 1000);
    };
    new PerformanceObserver(told).observe({ type: "paint", buffered: true });
})"""
SCROLL = """async () => {
    const began = performance.now();
    for (let at = 0; at < 20; at++) {
        scrollTo(0, at * 300);
        await new Promise(requestAnimationFrame);
    }
    return (performance.now() - began) / 1000;
}"""
MAP = {
    "StartAt": "all",
    "States": {
        "all": {
            "Type": "Map",
            "ItemsPath": "$.items",
            "ItemProcessor": {
                "StartAt": "one",
                "States": {"one": {"Type": "Pass", "End": True}},
            },
            "End": True,
        }
    },
}
PASS = {"StartAt": "one", "States": {"one": {"Type": "Succeed"}}}
ARN = "arn:aws:states:us-east-1:000000000000:stateMachine:big-{}"


class NoApi:
    """The API of a stack that has nothing but machines."""

    def get(self, path, **_):
        raise AssertionError(path)


class NoFunctions:
    """No state of these machines calls any."""

    def invoke(self, name, payload):
        raise AssertionError(name, payload)


@pytest.fixture
def opened(playwright):
    """Return what opens a page in a browser that has nothing yet.

    It yields the page, and the seconds until it showed something.
    """

    @contextmanager
    def opens(console, path):
        with chromium(playwright) as browser:
            page = browser.new_page()
            page.set_default_timeout(60_000)
            page.goto(f"{console.url}/who-knows")
            page.goto(f"{console.url}{path}", wait_until="load")
            yield page, page.evaluate(PAINTED)

    return opens


def quickest(consoles, measured):
    """The shortest of a few measurements, each by a console that knows nothing yet.

    Whatever else the machine does makes one longer, and none shorter.
    """
    best = inf
    for _ in range(TRIES):
        with consoles() as console:
            best = min(best, measured(console))
        if best < SECOND:
            break
    return best


@pytest.fixture
def engine() -> Iterator[Engine]:
    made = Engine(functions=NoFunctions())
    yield made
    made.close()


@pytest.fixture
def consoles(engine):
    """Return what starts a console of the engine's machines."""
    listening = serve_engine(engine, "127.0.0.1", 0)
    target = Target({}, {"aws": listening.url, "stepfunctions": listening.url})

    @contextmanager
    def started():
        backend = Backend("big", target, lambda _who: NoApi(), Who("kim"), is_local=True)
        made = ConsoleServer(backend)
        yield made
        made.close()

    yield started
    listening.close()


def ended(engine, arn, patience=120):
    waited(lambda: engine.describe_execution(arn)["status"] != "RUNNING", seconds=patience)


@pytest.mark.alone
@pytest.mark.proof
def test_25_000_events_are_shown_within_a_second(engine, consoles, opened):
    engine.create_state_machine("big-map", MAP, "STANDARD")
    given = json.dumps({"items": list(range(ITERATIONS))})
    arn = engine.start_execution(ARN.format("map"), "one", given)
    ended(engine, arn)
    assert len(engine.history(arn)) > 24_000

    def painted(console):
        with opened(console, "/executions/map/one") as (_, seconds):
            return seconds

    def scrolled(console):
        with opened(console, "/executions/map/one") as (page, _):
            expect(page.locator("[data-row=one]")).to_contain_text("×6\u202f200", timeout=60_000)
            return page.evaluate(SCROLL)

    assert quickest(consoles, painted) < SECOND
    assert quickest(consoles, scrolled) < SECOND


@pytest.mark.alone
@pytest.mark.proof
def test_100_000_executions_are_listed_within_a_second(engine, consoles, opened):
    engine.create_state_machine("big-pass", PASS, "STANDARD")
    for number in range(EXECUTIONS):
        arn = engine.start_execution(ARN.format("pass"), f"n-{number}")
    ended(engine, arn)

    for path in ("/executions", "/executions?name=n-99"):

        def painted(console, path=path):
            with opened(console, path) as (_, seconds):
                return seconds

        assert quickest(consoles, painted) < SECOND
