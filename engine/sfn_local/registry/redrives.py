"""The client tokens of RedriveExecution: each redrives an execution once.

Source: Step Functions API Reference, RedriveExecution: the last 10 tokens, for 15 minutes.
"""

from collections import deque
from datetime import datetime

MOST_TOKENS = 10
SECONDS_KEPT = 900.0


class Redrives:
    """The tokens that redrove executions lately."""

    def __init__(self) -> None:
        """No token yet."""
        self._tokens: dict[str, deque[tuple[str, datetime]]] = {}

    def find(self, execution: str, token: str | None, now: float) -> datetime | None:
        """When a token redrove an execution; None where it did not, or too long ago."""
        for known, moment in self._tokens.get(execution, ()):
            if known == token and now - moment.timestamp() < SECONDS_KEPT:
                return moment
        return None

    def keep(self, execution: str, token: str | None, moment: datetime) -> datetime:
        """A token has redriven an execution; the moment."""
        if token is not None:
            self._tokens.setdefault(execution, deque(maxlen=MOST_TOKENS)).append((token, moment))
        return moment
