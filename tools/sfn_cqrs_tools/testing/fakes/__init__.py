"""In-memory stand-ins of the adapters, all over one store, behind one lock.

The process items change by the domain's own predicates and transitions, so a fake is the
rule itself; the contract tests hold DynamoDB's expressions to it.
"""

from sfn_cqrs_tools.testing.fakes.store import ManualClock
from sfn_cqrs_tools.testing.fakes.world import World

__all__ = ["ManualClock", "World"]
