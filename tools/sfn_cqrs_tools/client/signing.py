"""Requests signed with your AWS credentials, which the machines' API requires."""

from __future__ import annotations

import urllib.request
from typing import Any

import boto3
import click
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.exceptions import BotoCoreError


def signed(plain: urllib.request.Request) -> urllib.request.Request:
    """Sign a request to a stack's machine API, which identifies callers by IAM.

    Raises:
        click.ClickException: credentials or region are missing.
    """
    body, method = plain.data, plain.get_method()
    try:
        session = boto3.Session()
        credentials = session.get_credentials()
    except BotoCoreError as error:
        raise click.ClickException(f"--tenant needs AWS credentials: {error}") from error
    if credentials is None or session.region_name is None:
        raise click.ClickException("--tenant needs AWS credentials and a region")
    request: Any = AWSRequest(method, plain.full_url, dict(plain.header_items()), body)
    SigV4Auth(credentials, "execute-api", session.region_name).add_auth(request)
    return urllib.request.Request(plain.full_url, body, dict(request.headers), method=method)
