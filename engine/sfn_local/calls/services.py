"""The AWS services that integrations and Distributed Maps call."""

import threading
from collections.abc import Callable
from typing import Any, Protocol


class Services(Protocol):
    """Makes clients of AWS services."""

    def client(self, service: str) -> Any:
        """The client of a service, by boto3's name for it.

        Raises:
            ServicesMissingError: the engine has none, or their library is not installed.
        """


class ServicesMissingError(RuntimeError):
    """A state needs an AWS service that the engine has not; the message says what to do."""


class NoServices:
    """Services of an engine that was given none."""

    def client(self, service: str) -> Any:
        """Say what is missing.

        Raises:
            ServicesMissingError: always.
        """
        raise ServicesMissingError(
            f"this engine has no client for {service}; give it services=BotoServices(), "
            "or mock the state"
        )


class CachedServices:
    """Clients that are made when they are first asked for."""

    def __init__(self, make: Callable[[str], Any]) -> None:
        """Make answers a new client of a service."""
        self._make = make
        self._clients: dict[str, Any] = {}
        self._lock = threading.Lock()

    def client(self, service: str) -> Any:
        """The client of a service."""
        with self._lock:  # boto3's sessions are not thread-safe, its clients are
            if service not in self._clients:
                self._clients[service] = self._make(service)
            return self._clients[service]
