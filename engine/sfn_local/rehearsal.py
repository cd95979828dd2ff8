"""One execution under a virtual clock, with stand-ins for the functions of its machine."""

from sfn_local.document import Json
from sfn_local.engine import Engine
from sfn_local.executions.runtime import Way
from sfn_local.mocks import MockConfig
from sfn_local.scheduler.clock import VirtualClock
from sfn_local.stubs import StubFunctions, by_state


def rehearse(
    name: str,
    definition: Json,
    data: str,
    functions: StubFunctions,
    mocks: MockConfig | None = None,
    case: str | None = None,
    ways: set[Way] | None = None,
) -> tuple[Engine, str]:
    """Start an execution of a definition; its engine and its ARN.

    It goes on while the engine is run. The mocks answer for the states of the test case, and the
    ways that the execution takes are added to those that are given.

    Raises:
        ApiError: the definition or the input is refused.
        MockError: the mocks have no such test case for a machine of this name.
    """
    kept = mocks.case(name, case).states if mocks and case else frozenset()
    engine = Engine(functions=functions, clock=VirtualClock(), mocks=mocks)
    engine.watch_ways(set() if ways is None else ways)
    machine = engine.create_state_machine(name, by_state(definition, kept))
    return engine, engine.start_execution(f"{machine}#{case}" if case else machine, "test", data)
