"""An engine served over the AWS protocol, and boto3's client of it."""

from typing import Any, Self

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from sfn_local import Engine
from sfn_local.server import serve_engine


def client_of(url: str, **config: Any) -> Any:
    """A client that asks once, with made-up keys; `config` is of botocore's Config."""
    return boto3.client(
        "stepfunctions",
        endpoint_url=url,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=Config(retries={"max_attempts": 0}, **config),
    )


class Served:
    """An engine that is served on a port of its own until the block ends."""

    def __init__(self, engine: Engine, **config: Any) -> None:
        self.engine = engine
        self.server = serve_engine(engine, port=0)
        self.client = client_of(self.server.url, **config)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.server.close()
        self.engine.close()


def refused(call: Any, **parameters: Any) -> tuple[str, str]:
    """The code and the message that a call is refused with."""
    with pytest.raises(ClientError) as caught:
        call(**parameters)
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]
