"""The context of the ZIP machine's states."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar

from sfn_cqrs import bootstrap
from sfn_cqrs.kernel.errors import InvalidInputError
from sfn_cqrs.kernel.functions.state import AttemptState, state
from sfn_cqrs.kernel.keys import ZipRef

PATIENCE = timedelta(minutes=10)
"""How long the last state waits for others; shorter than the machine's retries take."""


@dataclass(frozen=True, slots=True)
class ZipState(AttemptState[ZipRef]):
    """The context of a state of the ZIP machine; no state writes a status first."""

    REF = ZipRef
    LOGGED: ClassVar = {"job": "key.id"}

    @property
    def token(self) -> str:
        """Return the task token that ends the wait of a callback state."""
        if self.context.task_token is None:
            raise InvalidInputError("taskToken", "is missing: the state does not wait for a token")
        return self.context.task_token

    @property
    def is_late(self) -> bool:
        """Return whether the state has waited so long that it waits no more."""
        entered = datetime.fromisoformat(self.context.state.entered_time)
        return bootstrap.now() - entered > PATIENCE


zip_state = state(ZipState)
