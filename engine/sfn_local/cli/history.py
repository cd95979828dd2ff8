"""The history of an execution, from a server that reads no signature or from whoever asks."""

import json
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any, TypeVar

import click

from sfn_local.server import CONTENT_TYPE, TARGET

C = TypeVar("C", bound=Callable[..., Any])

ENDPOINT = "http://127.0.0.1:8083"
OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # the engine is near
PATIENCE_SECONDS = 30
LARGEST_PAGE = 1000

Asks = Callable[[str, dict[str, Any]], dict[str, Any]]


def endpoint_option(told: str) -> Callable[[C], C]:
    """Add --endpoint-url, where an execution's history is."""
    return click.option(
        "--endpoint-url",
        metavar="URL",
        envvar="AWS_ENDPOINT_URL_SFN",
        default=ENDPOINT,
        show_default=True,
        help=f"{told}; else AWS_ENDPOINT_URL_SFN.",
    )


def fetch_history(arn: str, asks: Asks) -> list[dict[str, Any]]:
    """All events of an execution; asks answers an operation of the API."""
    events: list[dict[str, Any]] = []
    given: dict[str, Any] = {"executionArn": arn, "maxResults": LARGEST_PAGE}
    while True:
        page = asks("GetExecutionHistory", given)
        events += page.get("events", [])
        if "nextToken" not in page:
            return events
        given["nextToken"] = page["nextToken"]


def ask(endpoint_url: str, operation: str, given: dict[str, Any]) -> dict[str, Any]:
    """An answer of Step Functions behind its protocol, from a server that reads no signature."""
    headers = {"Content-Type": CONTENT_TYPE, "X-Amz-Target": f"{TARGET}{operation}"}
    try:
        request = urllib.request.Request(endpoint_url, json.dumps(given).encode(), headers)
        with OPENER.open(request, timeout=PATIENCE_SECONDS) as response:
            answer: dict[str, Any] = json.load(response)
            return answer
    except urllib.error.HTTPError as error:
        reason = error.read().decode(errors="replace")
        raise click.ClickException(f"{endpoint_url}: {reason}") from error
    except (OSError, ValueError) as error:
        raise click.ClickException(f"{endpoint_url}: {error}") from error
