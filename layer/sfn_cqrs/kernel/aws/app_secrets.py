"""Secrets of the user's code, in Parameter Store."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Final

from botocore.exceptions import ClientError

from sfn_cqrs.kernel.aws.error_codes import error_code

_KEPT_FOR: Final = timedelta(minutes=5)


class AppSecrets:
    """Parameters by their path; each is read again after five minutes."""

    def __init__(self, client: Callable[[], Any], now: Callable[[], datetime]) -> None:
        """Take what makes the client of SSM, for the first secret that is not known."""
        self._client = client
        self._now = now
        self._known: dict[str, tuple[datetime, str]] = {}

    def __call__(self, path: str) -> str:
        """Return a parameter's value.

        Raises:
            LookupError: there is no such parameter.
        """
        at, value = self._known.get(path, (None, ""))
        now = self._now()
        if at is None or not timedelta() <= now - at < _KEPT_FOR:
            value = self._read(path)
            self._known[path] = (now, value)
        return value

    def _read(self, path: str) -> str:
        try:
            found = self._client().get_parameter(Name=path, WithDecryption=True)
        except ClientError as error:
            if error_code(error) != "ParameterNotFound":
                raise
            raise LookupError(
                f"Parameter Store has no {path}: aws ssm put-parameter --type SecureString"
                f" --name {path} --value …"
            ) from error
        value: str = found["Parameter"]["Value"]
        return value
