"""The AWS services that integrations and Distributed Maps call."""

import threading
from typing import Any, Protocol


class Services(Protocol):
    """Makes clients of AWS services."""

    def client(self, service: str) -> Any:
        """The client of a service, by boto3's name for it.

        Raises:
            ServicesMissingError: there are no services here.
        """


class ServicesMissingError(RuntimeError):
    """A state needs an AWS service, and the engine was given none."""


class NoServices:
    """What an engine has that was given no services."""

    def client(self, service: str) -> Any:
        """Say what is missing.

        Raises:
            ServicesMissingError: always.
        """
        raise ServicesMissingError(
            f"this engine has no client for {service}; give it services=BotoServices()"
        )


class BotoServices:
    """Clients of boto3, each made when it is first asked for, with the environment's endpoints."""

    def __init__(self, **arguments: Any) -> None:
        """Arguments of every client, such as endpoint_url and region_name."""
        self._arguments = arguments
        self._clients: dict[str, Any] = {}
        self._lock = threading.Lock()

    def client(self, service: str) -> Any:
        """The client of a service."""
        with self._lock:  # boto3's sessions are not thread-safe, its clients are
            if service not in self._clients:
                import boto3  # noqa: PLC0415 - slow, and only needed here

                make: Any = boto3.client  # its stubs know services by literal names
                self._clients[service] = make(service, **self._arguments)
            return self._clients[service]
