"""Whether a user of a stack's Cognito pool could write the claim that says whose data they see."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any, Final

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from sfn_cqrs_tools.client.aws import Target

TENANT: Final = "custom:tenant"
ISSUER_OUTPUT: Final = "TokenIssuer"
_COGNITO: Final = re.compile(
    r"https://cognito-idp\.([a-z0-9-]+)\.amazonaws\.com(?:\.cn)?/([A-Za-z0-9_-]+)"
)


def writable_tenants(
    target: Target, client_of: Callable[[str], Any] | None = None
) -> Iterator[str]:
    """Yield a line for each client that lets users write their tenant; nothing for other issuers.

    All clients of the pool count: an attribute written through one is in the tokens of all.
    `client_of` makes a client of Cognito for a region.
    """
    found = _COGNITO.fullmatch(target.outputs.get(ISSUER_OUTPUT, ""))
    if target.stack is None or found is None:
        return
    region, pool = found.groups()
    cognito = (client_of or _client)(region)
    try:
        for described in _clients(cognito, pool):
            written = described.get("WriteAttributes")
            if written is None or TENANT in written:
                what = "every attribute" if written is None else TENANT
                yield (
                    f"{pool}: the client {described['ClientName']} lets users write {what};"
                    f" give it WriteAttributes without {TENANT}"
                )
    except (BotoCoreError, ClientError) as error:
        yield f"{pool}: who may write {TENANT} cannot be seen: {error}"


def _client(region: str) -> Any:
    return boto3.client("cognito-idp", region_name=region)


def _clients(cognito: Any, pool: str) -> Iterator[dict[str, Any]]:
    pages = cognito.get_paginator("list_user_pool_clients").paginate(UserPoolId=pool)
    for page in pages:
        for listed in page["UserPoolClients"]:
            asked = {"UserPoolId": pool, "ClientId": listed["ClientId"]}
            yield cognito.describe_user_pool_client(**asked)["UserPoolClient"]
