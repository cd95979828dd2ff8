"""A world for tests: the adapters over DynamoDB in memory, and fakes of other services."""

from sfn_cqrs_tools.testing.fakes.clock import ManualClock
from sfn_cqrs_tools.testing.fakes.world import World

__all__ = ["ManualClock", "World"]
