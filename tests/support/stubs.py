"""Clients of boto3 that reach no AWS, and what answers in its place."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import boto3
from botocore.stub import Stubber


def a_client(service: Any, region_name: str = "us-east-1", **options: Any) -> Any:
    """A client whose keys open nothing."""
    keys = {"aws_access_key_id": "x", "aws_secret_access_key": "x"}
    return boto3.client(service, region_name=region_name, **keys, **options)


@contextmanager
def stub_of(client: Any) -> Iterator[Stubber]:
    """The stub of a client, each of whose answers has to be asked for."""
    with Stubber(client) as stub:
        yield stub
        stub.assert_no_pending_responses()
