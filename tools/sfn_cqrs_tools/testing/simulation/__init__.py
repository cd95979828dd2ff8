"""Deterministic simulation of a user's functions: `simulate`."""

from sfn_cqrs_tools.testing.simulation.changes import Change, NewImport, NewSaga, NewTask
from sfn_cqrs_tools.testing.simulation.looking import Seen
from sfn_cqrs_tools.testing.simulation.simulating import simulate
from sfn_cqrs_tools.testing.simulation.story import Simulated, SimulationError

__all__ = [
    "Change",
    "NewImport",
    "NewSaga",
    "NewTask",
    "Seen",
    "Simulated",
    "SimulationError",
    "simulate",
]
