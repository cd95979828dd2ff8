"""The AWS services that integrations and Distributed Maps call."""

import os
import threading
from collections.abc import Callable
from functools import partial
from typing import Any, Protocol

MADE_UP = {"aws_access_key_id": "local", "aws_secret_access_key": "local"}
LOCAL_ENDPOINTS = {"stepfunctions": "STEP_FUNCTIONS_ENDPOINT"}


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


class BotoServices(CachedServices):
    """Clients of boto3, which is imported when the first is asked for."""

    def __init__(self, **arguments: Any) -> None:
        """Arguments of every client, such as endpoint_url and region_name."""
        super().__init__(partial(_boto_client, arguments))

    @classmethod
    def from_environment(cls, region: str, *, with_credentials: bool) -> "BotoServices":
        """Clients for the endpoints that the environment names.

        These are AWS_ENDPOINT_URL and its variants as boto3 knows them, and those of Step
        Functions Local, such as SQS_ENDPOINT. Unless they are to sign with the user's own
        credentials they sign with made-up ones: whoever can post a machine can make them call.
        """
        return cls(region_name=region) if with_credentials else cls(region_name=region, **MADE_UP)


class _MadeUpToken:
    """In the place of bearer tokens that the environment or a signed-in profile has."""

    def load_token(self, **_: Any) -> Any:
        from botocore.tokens import FrozenAuthToken  # noqa: PLC0415

        return FrozenAuthToken("local")


def _boto_client(arguments: dict[str, Any], service: str) -> Any:
    import boto3  # noqa: PLC0415 - slow, and only needed here
    import botocore.session  # noqa: PLC0415

    make: Any = boto3.client  # its stubs know services by literal names
    if arguments.keys() >= MADE_UP.keys():  # given keys, no bearer token is to take their place
        core = botocore.session.Session()
        core.register_component("token_provider", _MadeUpToken())
        make = boto3.Session(botocore_session=core).client
    endpoint = os.environ.get(LOCAL_ENDPOINTS.get(service, f"{service.upper()}_ENDPOINT"))
    given = {} if endpoint is None else {"endpoint_url": endpoint}
    return make(service, **given, **arguments)
