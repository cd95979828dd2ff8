"""What the states of the ZIP machine work on."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar

from sfn_cqrs import bootstrap
from sfn_cqrs.domain.errors import InvalidInputError
from sfn_cqrs.domain.keys import ZipRef
from sfn_cqrs.service.state import AttemptState, state

PATIENCE = timedelta(minutes=10)
"""How long the last state waits for others; less than the machine's retries take."""


@dataclass(frozen=True, slots=True)
class ZipState(AttemptState[ZipRef]):
    """No state writes a status first."""

    REF = ZipRef
    LOGGED: ClassVar = {"job": "key.id"}

    @property
    def token(self) -> str:
        """What ends the wait of a callback state."""
        if self.context.task_token is None:
            raise InvalidInputError("taskToken", "is missing: the state does not wait for a token")
        return self.context.task_token

    @property
    def is_late(self) -> bool:
        """What could be waited for is waited for no longer."""
        entered = datetime.fromisoformat(self.context.state.entered_time)
        return bootstrap.now() - entered > PATIENCE


zip_state = state(ZipState)
