"""The role that the functions have in PostgreSQL: a user of its own, and its password."""

import hashlib
import hmac
import json
import re
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Self
from urllib.parse import unquote, urlsplit

from sfn_cqrs.kernel.errors import InvalidInputError

ROUNDS: Final = 4096
"""As many as PostgreSQL itself makes."""
_NAME: Final = re.compile(r"[a-z_][a-z0-9_]{0,62}")
_PASSWORD: Final = re.compile(r"[!-~]{16,}")


@dataclass(frozen=True, slots=True)
class Role:
    """A user that reads and writes rows, and makes, changes and drops nothing."""

    name: str
    password: str = field(repr=False)

    @classmethod
    def checked(cls, name: str, password: str) -> Self:
        """A role that statements can name.

        Raises:
            InvalidInputError: the name or the password is none.
        """
        if not _NAME.fullmatch(name):
            raise InvalidInputError("username", "must be of a-z, 0-9 and _")
        if not _PASSWORD.fullmatch(password):
            raise InvalidInputError("password", "must be 16 or more characters of ASCII, no spaces")
        return cls(name, password)

    @classmethod
    def of_secret(cls, text: str) -> Self:
        """The role of a secret as RDS and the Data API have it.

        Raises:
            InvalidInputError: it is none.
        """
        try:
            said = json.loads(text)
        except ValueError:
            said = None
        if not isinstance(said, Mapping):
            raise InvalidInputError("secret", "must be JSON with username and password")
        return cls.checked(str(said.get("username", "")), str(said.get("password", "")))

    @classmethod
    def of_dsn(cls, dsn: str) -> Self:
        """The role that a DSN connects as.

        Raises:
            InvalidInputError: it is none.
        """
        parts = urlsplit(dsn)
        return cls.checked(unquote(parts.username or ""), unquote(parts.password or ""))

    def verifier(self, salt: bytes) -> str:
        """Return the verifier that PostgreSQL stores instead of the password.

        SCRAM-SHA-256 of RFC 5803, as libpq's own `PQencryptPasswordConn` makes it.
        """
        salted = hashlib.pbkdf2_hmac("sha256", self.password.encode(), salt, ROUNDS)
        client = hashlib.sha256(hmac.digest(salted, b"Client Key", "sha256")).digest()
        server = hmac.digest(salted, b"Server Key", "sha256")
        return f"SCRAM-SHA-256${ROUNDS}:{_text(salt)}${_text(client)}:{_text(server)}"


def _text(value: bytes) -> str:
    return b64encode(value).decode()
