"""The HTTP servers of a stack, on 127.0.0.1 and on those of its hosts that are addresses."""

from __future__ import annotations

import urllib.error
import urllib.request
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final

from sfn_cqrs_tools.runtime.listening import HOST, addresses
from sfn_cqrs_tools.runtime.state import StackError
from sfn_local.http_server import Handler, serve
from sfn_local.request_guard import Guard
from sfn_local.words import refused

START_SECONDS: Final = 30
"""A busy machine takes seconds to import the first function."""
MAX_HTTP_BODY: Final = 10 * 1024 * 1024  # API Gateway's own limit; Lambda's is lower


@contextmanager
def served(
    hosts: Sequence[str], port: int, what: str, handle: Handler, guard: Guard | None = None
) -> Iterator[str]:
    """Serve until it is left; yield the URL on 127.0.0.1.

    Raises:
        StackError: the port is taken.
    """
    guard = replace(guard or Guard(), hosts=frozenset(hosts))
    with ExitStack() as servers:
        with naming_port(port, what):
            first = serve(HOST, port, handle, max_body=MAX_HTTP_BODY, guard=guard)
            servers.callback(first.close)
            for address in addresses(hosts):
                got = int(first.url.rpartition(":")[2])
                more = serve(address, got, handle, max_body=MAX_HTTP_BODY, guard=guard)
                servers.callback(more.close)
        yield first.url


@contextmanager
def naming_port(port: int, what: str) -> Iterator[None]:
    """Say which port cannot be used, and for what, if one cannot."""
    try:
        yield
    except OSError as error:
        which = f"port {port}, for {what}," if port else f"a port for {what}"
        raise StackError(
            f"{which} cannot be used ({refused(error)}): another stack may run;"
            " choose another --port, 0 takes any"
        ) from None


def wait_until_all_answer(urls: Iterable[str], log: Path) -> None:
    """Wait until endpoints answer anything.

    Raises:
        StackError: one does not.
    """
    for url in urls:
        try:
            with urllib.request.urlopen(url, timeout=START_SECONDS):
                pass
        except urllib.error.HTTPError:
            continue  # an error status is also an answer
        except OSError as error:
            raise StackError(f"{url} does not answer ({error}); see {log}") from None
