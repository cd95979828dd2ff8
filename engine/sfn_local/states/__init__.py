"""The types of states, and the graphs that they form."""

from collections.abc import Callable
from functools import partial

from sfn_local.dataflow.flow import LANGUAGES
from sfn_local.document import Json
from sfn_local.errors import DefinitionError
from sfn_local.states.choice import ChoiceState
from sfn_local.states.distributed_map import DistributedMapState
from sfn_local.states.fail import FailState
from sfn_local.states.graph import BuildGraph, Graph
from sfn_local.states.item_processor import processor_config
from sfn_local.states.map import MapState
from sfn_local.states.parallel import ParallelState
from sfn_local.states.pass_through import PassState
from sfn_local.states.state import State
from sfn_local.states.succeed import SucceedState
from sfn_local.states.task import TaskState
from sfn_local.states.wait import WaitState

__all__ = ["TYPES", "Graph", "build_graph", "build_state"]


def build_map(name: str, definition: dict[str, Json], build: BuildGraph) -> State:
    """A Map state of the mode that its processor asks for.

    Raises:
        DefinitionError: it is not well formed.
    """
    if processor_config(definition).get("Mode") == "DISTRIBUTED":
        return DistributedMapState(name, definition, build)
    return MapState(name, definition, build)


TYPES: dict[str, Callable[[str, dict[str, Json], BuildGraph], State]] = {
    "Choice": ChoiceState,
    "Fail": FailState,
    "Map": build_map,
    "Parallel": ParallelState,
    "Pass": PassState,
    "Succeed": SucceedState,
    "Task": TaskState,
    "Wait": WaitState,
}


def build_graph(definition: Json, language: str = LANGUAGES[0], *, is_fixed: bool = False) -> Graph:
    """The graph of an object with StartAt and States, whose states inherit a query language.

    It is fixed within a machine that is JSONata as a whole.

    Raises:
        DefinitionError: it cannot run; the message and the pointer say why and where.
    """
    if not isinstance(definition, dict):
        raise DefinitionError("an object with StartAt and States should stand here")
    language = definition.get("QueryLanguage", language)
    is_fixed = is_fixed or definition.get("QueryLanguage") == "JSONata"
    states = definition.get("States")
    if not isinstance(states, dict) or not states:
        raise DefinitionError("States must be an object with at least one state", "/States")
    built = {
        name: build_state(name, state, language, is_fixed=is_fixed)
        for name, state in states.items()
    }
    start = definition.get("StartAt")
    if not isinstance(start, str) or start not in built:
        raise DefinitionError(f"StartAt names no state of this scope: {start!r}", "/StartAt")
    for name, state in built.items():
        for target in state.targets():
            if target not in built:
                message = f"there is no state {target!r} in this scope"
                raise DefinitionError(message, f"/States/{name}")
    return Graph(built[start], built)


def build_state(name: str, definition: Json, inherited: str, *, is_fixed: bool = False) -> State:
    """A state, which inherits a query language unless it names its own.

    Raises:
        DefinitionError: it is not well formed.
    """
    pointer = f"/States/{name}"
    kind = definition.get("Type") if isinstance(definition, dict) else None
    if not isinstance(kind, str) or kind not in TYPES:
        message = f"Type must be one of {', '.join(TYPES)}"
        raise DefinitionError(message, f"{pointer}/Type")
    language = definition.get("QueryLanguage", inherited)
    if is_fixed and language != inherited:
        message = (
            "'QueryLanguage' can not be 'JSONPath' if set to 'JSONata' for whole state machine"
        )
        raise DefinitionError(message, f"{pointer}/QueryLanguage")
    build = partial(build_graph, language=language, is_fixed=is_fixed)
    try:
        return TYPES[kind](name, {**definition, "QueryLanguage": language}, build)
    except DefinitionError as error:
        raise error.within(pointer) from None
