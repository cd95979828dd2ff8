"""The console's port to a stack: AWS clients for what is behind the API, the API for the rest.

There are two adapters of one shape: `local` knows a running stack by its state folder, `deployed`
a stack on AWS by its name and the operator's token. What is asked of either is the same.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from sfn_cqrs_tools.client.api import Api
from sfn_cqrs_tools.client.aws import Target
from sfn_cqrs_tools.console.who import Who, of_token

PATIENCE_SECONDS: Final = 2.0
ROOT: Final = "/console"
"""Where the console's paths begin."""
_HEADERS: Final = {"content-type": "application/json", "accept": "application/json"}


@dataclass(frozen=True)
class Backend:
    """One stack, and how to ask it."""

    name: str
    target: Target
    api: Callable[[Who], Api]
    default: Who
    is_local: bool
    look_seconds: float = 1.0
    """How long an open page waits until it looks again."""

    @property
    def outputs(self) -> Mapping[str, str]:
        """Return the outputs of the template."""
        return self.target.outputs

    @property
    def prefixes(self) -> tuple[str, ...]:
        """Return the prefixes of machines' names: the stack's name or its nested application's."""
        names = {self.outputs.get("MachinePrefix", self.name), self.name}
        return tuple(f"{name}-" for name in sorted(names, key=len, reverse=True))

    def short(self, machine: str) -> str:
        """Return a machine's name without the stack's."""
        for prefix in self.prefixes:
            if machine.startswith(prefix):
                return machine.removeprefix(prefix)
        return machine

    def answers(self) -> bool:
        """Return whether the stack is there; one on AWS is."""
        addresses = map(urlsplit, self.target.endpoints.values())
        try:
            for host, port in {(one.hostname, one.port) for one in addresses}:
                socket.create_connection((host or "", port or 0), PATIENCE_SECONDS).close()
        except OSError:
            return False
        return True

    def client(self, service: str) -> Any:
        """Return a boto3 client, made once."""
        return self.target.client(service)


def local(name: str, http: str, target: Target, user: str) -> Backend:
    """Return the stack that runs on this machine; its user chooses an identity."""

    def api(who: Who) -> Api:
        return Api(http, {**_HEADERS, **who.headers()}, proxies=False)

    return Backend(name, target, api, Who(user), is_local=True)


def deployed(name: str, url: str, target: Target, token: str) -> Backend:
    """Return a stack on AWS, asked as the bearer of an ID token."""
    headers = {**_HEADERS, "authorization": f"Bearer {token}"}
    return Backend(
        name, target, lambda _who: Api(url, headers), of_token(token), False, look_seconds=5.0
    )
