"""Where the stack listens, and the names that it answers to: loopback, and what --host adds."""

from __future__ import annotations

import platform
import re
import socket
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from ipaddress import ip_address
from typing import Final

HOST: Final = "127.0.0.1"
DOCKER_BRIDGE: Final = "172.17.0.1"
"""This machine, as containers of Docker see it on Linux."""
DOCKER_DESKTOP: Final = "host.docker.internal"
"""This machine, as containers of Docker Desktop see it: on macOS, Windows and WSL."""


@dataclass(frozen=True)
class Ports:
    """One port for each endpoint; 0 is any that is free."""

    http: int = 0
    sfn: int = 0
    lambda_: int = 0
    aws: int = 0
    live: int = 0
    console: int = 0
    postgres: int = 0

    @classmethod
    def behind(cls, first: int) -> Ports:
        """Return the port of HTTP and the six behind it; free ones where it is 0."""
        return cls(*range(first, first + 7)) if first else cls()

    def taken_by(self, **urls: str) -> Ports:
        """Return the same with the ports that endpoints have got, by name."""
        got = {name: int(url.rpartition(":")[2]) for name, url in urls.items() if url}
        return replace(self, **got)


def addresses(hosts: Iterable[str]) -> list[str]:
    """Return those of `hosts` to listen on: addresses other than loopback's, not names."""
    return [host for host in hosts if is_address(host) and not ip_address(host).is_loopback]


def is_address(host: str) -> bool:
    """Return whether it is an address, not a name."""
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def listening(host: str, port: int) -> socket.socket:
    """Listen on a port of an address.

    Raises:
        OSError: the port is taken, or the address is none of this machine's.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, port), family=family)


def for_containers(environment: Mapping[str, str], host: str) -> dict[str, str]:
    """Return the environment of functions in a container, which reaches this machine by `host`."""
    name = f"[{host}]" if ":" in host else host
    return {
        variable: re.sub(rf"(?<=[/@]){re.escape(HOST)}(?=:\d)", name, value)
        for variable, value in environment.items()
    }


def up_for_us() -> str:
    """How the stack is started so that this system's containers reach it."""
    is_bridged = sys.platform.startswith("linux") and "microsoft" not in platform.release().lower()
    return f"sfn-cqrs up --host {DOCKER_BRIDGE if is_bridged else DOCKER_DESKTOP}"
