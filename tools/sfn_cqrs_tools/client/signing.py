"""A client of the machines' API: it signs requests with your AWS credentials."""

from __future__ import annotations

import urllib.request
from collections.abc import Mapping

import boto3
import click
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest

from sfn_cqrs_tools.client.api import Api


class SignedApi(Api):
    """Calls a stack's machine API, which identifies callers by IAM."""

    def _request(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> urllib.request.Request:
        """Make a request, signed.

        Raises:
            click.ClickException: credentials or region are missing.
        """
        plain = super()._request(method, path, body, headers)
        session = boto3.Session()
        credentials = session.get_credentials()
        if credentials is None or session.region_name is None:
            raise click.ClickException("--tenant needs AWS credentials and a region")
        signed = AWSRequest(method, plain.full_url, dict(plain.header_items()), body)
        SigV4Auth(credentials, "execute-api", session.region_name).add_auth(signed)
        return urllib.request.Request(plain.full_url, body, dict(signed.headers), method=method)
