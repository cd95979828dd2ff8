"""Deterministic simulation of a user's handlers: `simulate`."""

from sfn_cqrs_tools.testing.simulation.changes import Change
from sfn_cqrs_tools.testing.simulation.looking import Seen
from sfn_cqrs_tools.testing.simulation.simulating import simulate
from sfn_cqrs_tools.testing.simulation.story import Simulated, SimulationError

__all__ = ["Change", "Seen", "Simulated", "SimulationError", "simulate"]
