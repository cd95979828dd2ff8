"""Requests to this machine without a signature: nobody here checks it, and it takes time."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import urlsplit

from botocore.auth import AUTH_TYPE_MAPS, SIGV4_TIMESTAMP, SigV4Auth

from sfn_cqrs_tools.runtime.listening import HOST

_NONE: Final = "SignedHeaders=host, Signature=none"


class LocalAuth(SigV4Auth):
    """Says whose request it is and which service it is for; signs only what leaves the machine."""

    def add_auth(self, request: Any) -> None:
        """Add the header `Authorization`."""
        if urlsplit(request.url).hostname != HOST:
            super().add_auth(request)
            return
        request.context["timestamp"] = datetime.now(UTC).strftime(SIGV4_TIMESTAMP)
        whose = f"Credential={self.scope(request)}"
        request.headers["Authorization"] = f"AWS4-HMAC-SHA256 {whose}, {_NONE}"


def sign_only_what_leaves() -> None:
    """Let the boto3 clients of this process sign no request to this machine; S3's still do."""
    AUTH_TYPE_MAPS["v4"] = LocalAuth
