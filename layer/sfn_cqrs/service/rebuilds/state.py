"""The context of the rebuild machine's states."""

from dataclasses import dataclass
from typing import ClassVar

from sfn_cqrs.domain.read_models import ViewRef
from sfn_cqrs.service.rebuilds.programs import RebuildFlow
from sfn_cqrs.service.state import FlowState, state


@dataclass(frozen=True, slots=True)
class RebuildState(FlowState[ViewRef, RebuildFlow]):
    """The context of a state of the rebuild machine: one attempt to work on a read model."""

    REF = ViewRef
    FLOW = RebuildFlow
    LOGGED: ClassVar = {"read_model": "key.view"}


rebuild_state = state(RebuildState)
