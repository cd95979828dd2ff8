"""The secret that signs approval links."""

from collections.abc import Callable
from typing import Any

from sfn_cqrs.kernel.errors import LinksDisabledError


class LinkSecret:
    """One secret of Secrets Manager, read once per process."""

    def __init__(self, client: Callable[[], Any], name: str) -> None:
        """Take the secret of this name; an empty name means that links are off."""
        self._client = client
        self._name = name
        self._value: bytes | None = None

    def read(self) -> bytes:
        """Return the secret.

        Raises:
            LinksDisabledError: links are off.
        """
        if not self._name:
            raise LinksDisabledError(
                "approval links are off; the parameter ApprovalLinks=enabled switches them on"
            )
        if self._value is None:
            answer = self._client().get_secret_value(SecretId=self._name)
            self._value = str(answer["SecretString"]).encode()
        return self._value
