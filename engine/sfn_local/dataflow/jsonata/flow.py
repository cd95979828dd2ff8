"""How a JSONata state takes its input in and gives its output out: Arguments, Assign, Output."""

from sfn_local.dataflow.jsonata.expressions import Compiled, Scope, compile_value
from sfn_local.document import Document, Json
from sfn_local.errors import DefinitionError, SizeFailure
from sfn_local.executions.line import Visit


class JsonataFlow:
    """The data flow fields of one state; each is optional."""

    def __init__(self, holder: dict[str, Json]) -> None:
        """Compile the fields of a state, of a choice rule or of a catcher.

        Raises:
            DefinitionError: an expression is not well formed.
        """
        self._arguments = _optional(holder, "Arguments")
        self._output = _optional(holder, "Output")
        self._assign = _optional(holder, "Assign")
        if not isinstance(holder.get("Assign", {}), dict):
            raise DefinitionError("Assign must be an object", "/Assign")

    def input(self, visit: Visit) -> Document:
        """Return the state's input, whole."""
        return visit.input

    def arguments(self, visit: Visit) -> Document:
        """Return what the state's work receives: Arguments, or the input."""
        if self._arguments is None:
            return visit.input
        return Document(self._arguments(Scope(visit)))

    def output(self, visit: Visit, result: Document) -> Document:
        """Return the state's output, from its work's result.

        Raises:
            StateFailure: an expression fails, or the output is too large.
        """
        return self.finish(Scope(visit, result=result.value), result)

    def narrow_output(self, visit: Visit, document: Document) -> Document:
        """Return the output of a state whose work has no result.

        Raises:
            StateFailure: an expression fails, or the output is too large.
        """
        return self.finish(Scope(visit), document)

    def finish(self, scope: Scope, default: Document) -> Document:
        """Output, or the default; Assign is kept for the state's exit.

        Raises:
            StateFailure: an expression fails, or the output is too large.
        """
        visit = scope.visit
        if self._assign is not None:
            visit.assign(self._assign(scope))
        output = default if self._output is None else Document(self._output(scope))
        if output.is_too_large:
            raise SizeFailure(visit.state.name)
        return output


def _optional(holder: dict[str, Json], field: str) -> Compiled | None:
    return compile_value(holder[field], field, f"/{field}") if field in holder else None
