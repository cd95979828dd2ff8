"""Each line names the request of Lambda that wrote it, and the first of an environment says so."""

import json
from contextlib import suppress
from types import SimpleNamespace

import pytest
from tests.support.lambdas import handler_of
from tests.template.stack import ROOT

from sfn_cqrs.kernel.functions import logs
from sfn_cqrs.kernel.functions.logs import FINISHED, SWEPT, logger, naming_request

HANDLERS = sorted((ROOT / "functions").glob("*/*/app.py"))
CONTEXT = SimpleNamespace(aws_request_id="request-1")


class Telling(dict):
    """An event that is written into the log before anybody reads it."""

    def __getitem__(self, key):
        logger.info("read")
        return super().__getitem__(key)

    def get(self, key, otherwise=None):
        logger.info("read")
        return super().get(key, otherwise)


@pytest.fixture
def cold(monkeypatch):
    monkeypatch.setattr(logs, "_cold", iter([True]))


@pytest.fixture
def lines(log):
    return lambda: [json.loads(line) for line in log.getvalue().splitlines()]


@naming_request
def work(event, _context):
    for message in event:
        logger.info(message)


ASKS_NOTHING = {"publish_due"}
"""It reads nothing of its event, and a sweep's line leaves the request out."""


@pytest.mark.usefixtures("world")
@pytest.mark.parametrize("path", HANDLERS, ids=lambda path: "/".join(path.parts[-3:-1]))
def test_every_function_names_its_request(lines, path):
    handler = handler_of(path.parent, "app.lambda_handler")

    with suppress(Exception):  # an empty event is nobody's
        handler(Telling(), CONTEXT)

    named = {line.get("function_request_id") for line in lines() if line["message"] != SWEPT}
    assert named == (set() if path.parent.name in ASKS_NOTHING else {"request-1"})


def test_no_line_after_the_request_names_it(lines):
    work(["working"], CONTEXT)
    logger.info("the next")

    assert [line.get("function_request_id") for line in lines()] == ["request-1", None]


@pytest.mark.usefixtures("cold")
def test_one_line_tells_that_the_environment_is_new(lines):
    for _ in range(2):
        work(["first", "second"], CONTEXT)

    assert [line.get("cold_start") for line in lines()] == [True, None, None, None]


@pytest.mark.usefixtures("cold")
def test_a_line_of_a_later_request_is_not_a_cold_one(lines):
    for events in ([], ["working"]):
        work(events, CONTEXT)

    assert [line.get("cold_start") for line in lines()] == [None]


@pytest.mark.usefixtures("cold")
@pytest.mark.parametrize("message", [FINISHED, SWEPT])
def test_what_went_well_names_no_request_of_which_lambda_logs_nothing(lines, message):
    for _ in range(2):
        work([message], CONTEXT)

    assert [line.get("function_request_id") for line in lines()] == ["request-1", None]
