"""The context of the rebuild machine's states."""

from dataclasses import dataclass
from typing import ClassVar

from sfn_cqrs.kernel.functions.state import FlowState, state
from sfn_cqrs.kernel.read_models.rules import ViewRef
from sfn_cqrs.machines.rebuild.runner import RebuildFlow


@dataclass(frozen=True, slots=True)
class RebuildState(FlowState[ViewRef, RebuildFlow]):
    """The context of a state of the rebuild machine: one attempt to work on a read model."""

    REF = ViewRef
    FLOW = RebuildFlow
    LOGGED: ClassVar = {"read_model": "key.view"}


rebuild_state = state(RebuildState)
