"""What the states of the rebuilds' machine work on."""

from dataclasses import dataclass
from typing import ClassVar

from sfn_cqrs.domain.read_models import ViewRef
from sfn_cqrs.service.rebuilds.programs import RebuildFlow
from sfn_cqrs.service.state import AttemptState, state


@dataclass(frozen=True, slots=True)
class RebuildState(AttemptState[ViewRef]):
    """One attempt to work on a read model."""

    REF = ViewRef
    LOGGED: ClassVar = {"read_model": "key.view"}

    @property
    def flow(self) -> RebuildFlow:
        """What happens to the read model."""
        return RebuildFlow(self.ref.key)


rebuild_state = state(RebuildState)
