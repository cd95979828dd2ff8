"""The data flow of a state in its query language."""

from typing import Protocol

from sfn_local.dataflow.jsonata.flow import JsonataFlow
from sfn_local.dataflow.jsonpath import JsonPathFlow
from sfn_local.document import Document, Json
from sfn_local.executions.line import Visit

LANGUAGES = ("JSONPath", "JSONata")


class Flow(Protocol):
    """From a state's input to what its work receives, and from the result to the output."""

    def input(self, visit: Visit) -> Document:
        """The state's input, narrowed."""

    def arguments(self, visit: Visit) -> Document:
        """Return what the state's work receives."""

    def output(self, visit: Visit, result: Document) -> Document:
        """The state's output, from its work's result; variables are assigned at its exit."""

    def narrow_output(self, visit: Visit, document: Document) -> Document:
        """The output of a state whose work has no result; variables likewise."""


def uses_jsonata(state: dict[str, Json]) -> bool:
    """Whether a state's query language is JSONata; build_graph has set it on each state."""
    return state.get("QueryLanguage") == "JSONata"


def compile_flow(state: dict[str, Json], template_field: str = "Parameters") -> Flow:
    """The data flow fields of a state.

    Raises:
        DefinitionError: one of them is not well formed.
    """
    return JsonataFlow(state) if uses_jsonata(state) else JsonPathFlow(state, template_field)
