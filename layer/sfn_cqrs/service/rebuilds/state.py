"""What the states of the rebuilds' machine work on."""

from dataclasses import dataclass

from sfn_cqrs.domain.read_models import ViewRef
from sfn_cqrs.service.rebuilds.programs import RebuildFlow
from sfn_cqrs.service.state import State, state


@dataclass(frozen=True, slots=True)
class RebuildState(State):
    """One attempt to work on a read model."""

    @property
    def ref(self) -> ViewRef:
        """The attempt that the execution runs."""
        return ViewRef.from_input(self.context.execution.input)

    @property
    def logged(self) -> dict[str, object]:
        """The read model."""
        ref = self.ref
        return {"tenant": ref.key.tenant, "read_model": ref.key.view, "attempt": ref.attempt}

    @property
    def flow(self) -> RebuildFlow:
        """What happens to the read model."""
        return RebuildFlow(self.ref.key)


rebuild_state = state(RebuildState)
