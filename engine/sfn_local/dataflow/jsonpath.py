"""How a JSONPath state takes its input in and gives its output out.

InputPath and Parameters lead from the state's input to what its work receives; ResultSelector,
ResultPath and OutputPath from the work's result to the state's output.
"""

from dataclasses import dataclass

from sfn_local.document import Document, Json
from sfn_local.errors import DefinitionError, RuntimeFailure, SizeFailure
from sfn_local.executions.line import Visit
from sfn_local.language.jsonpath import Path, PathNotFound, PathSyntaxError, parse_path
from sfn_local.language.jsonpath.reference import write
from sfn_local.language.payload import Template, compile_template

WHOLE = parse_path("$")
NOTHING = Document({}, "{}")


@dataclass(frozen=True, slots=True)
class VisitSource:
    """Reads `$` from some data, `$$` from the context of a visit, `$name` from its variables.

    Item is the `$$.Map.Item` of an iteration that is about to start.
    """

    data: Json
    visit: Visit
    item: Json = None

    def read(self, path: Path) -> Json:
        """Return the value that a path leads to.

        Raises:
            PathNotFound: it leads nowhere.
        """
        if path.of_context:
            return path.read(self.visit.context(self.item))
        if path.variable is None:
            return path.read(self.data)
        variables = self.visit.line.variables
        if path.variable not in variables:
            raise PathNotFound(f"No such variable: ${path.variable}")
        return path.read(variables[path.variable])

    def random(self) -> float:
        """A number in [0, 1)."""
        return self.visit.random()


class JsonPathFlow:
    """The data flow fields of one state; each is optional."""

    def __init__(self, state: dict[str, Json], template_field: str = "Parameters") -> None:
        """Compile the fields.

        Raises:
            DefinitionError: a path or a template is not well formed.
        """
        self._input_path = optional_path(state, "InputPath")
        self._output_path = optional_path(state, "OutputPath")
        self._result_path = result_path(state)
        self._parameters = _optional_template(state, template_field)
        self._result_selector = _optional_template(state, "ResultSelector")
        self._assign = _optional_template(state, "Assign")

    def input(self, visit: Visit) -> Document:
        """The state's input as InputPath narrows it."""
        return _narrow(self._input_path, visit.input, visit)

    def arguments(self, visit: Visit) -> Document:
        """Return the input of the state's work: the state's own, or the value of Parameters."""
        narrowed = self.input(visit)
        if self._parameters is None:
            return narrowed
        return Document(self._parameters(VisitSource(narrowed.value, visit)))

    def output(self, visit: Visit, result: Document) -> Document:
        """The state's output, from its work's result.

        Raises:
            StateFailure: the result does not fit into the input, or is too large with it.
        """
        self.assign(visit, result)
        if self._result_selector is not None:
            result = Document(self._result_selector(VisitSource(result.value, visit)))
        return self._finish(visit, place(self._result_path, visit.input, result))

    def narrow_output(self, visit: Visit, document: Document) -> Document:
        """The document as OutputPath narrows it.

        Raises:
            StateFailure: the path leads nowhere, or the output is too large.
        """
        self.assign(visit, document)
        return self._finish(visit, document)

    def assign(self, visit: Visit, document: Document) -> None:
        """Keep what Assign makes of a document for the state's exit.

        Raises:
            StateFailure: a path leads nowhere.
        """
        if self._assign is not None:
            visit.assign(self._assign(VisitSource(document.value, visit)))

    def _finish(self, visit: Visit, document: Document) -> Document:
        output = _narrow(self._output_path, document, visit)
        if output.is_too_large:
            raise SizeFailure(visit.state.name)
        return output


def place(path: Path | None, document: Document, result: Document) -> Document:
    """The document with the result where a ResultPath points; the path None drops the result.

    Raises:
        StateFailure: States.ResultPathMatchFailure, where the document has no room for it.
    """
    if path is None:
        return document
    return result if path is WHOLE else Document(write(document.value, path, result.value))


def optional_path(state: dict[str, Json], field: str) -> Path | None:
    """The path in a field: `$` where the field lacks, None where it is null.

    Raises:
        DefinitionError: the field has no path.
    """
    if field not in state:
        return WHOLE
    return None if state[field] is None else required_path(state, field)


def required_path(state: dict[str, Json], field: str) -> Path:
    """The path in a field.

    Raises:
        DefinitionError: the field has no path.
    """
    text = state[field]
    if not isinstance(text, str):
        raise DefinitionError(f"{field} must be a path", f"/{field}")
    try:
        return WHOLE if text == WHOLE.text else parse_path(text)
    except PathSyntaxError as error:
        raise DefinitionError(str(error), f"/{field}") from None


def read_value(path: Path, document: Document, visit: Visit) -> Json:
    """Return the value that a path leads to, in the document or in the context.

    Raises:
        RuntimeFailure: it leads nowhere.
    """
    try:
        return VisitSource(document.value, visit).read(path)
    except PathNotFound as error:
        raise RuntimeFailure(f"Invalid path '{path.text}' : {error}") from None


def _narrow(path: Path | None, document: Document, visit: Visit) -> Document:
    if path is WHOLE:
        return document
    return NOTHING if path is None else Document(read_value(path, document, visit))


def result_path(holder: dict[str, Json]) -> Path | None:
    """The Reference Path in the ResultPath of a state or a catcher.

    Raises:
        DefinitionError: it is none.
    """
    path = optional_path(holder, "ResultPath")
    if path is not None and not path.is_reference:
        raise DefinitionError("ResultPath must be a Reference Path", "/ResultPath")
    return path


def _optional_template(state: dict[str, Json], field: str) -> Template | None:
    if field not in state:
        return None
    return compile_template(state[field], f"/{field}")
