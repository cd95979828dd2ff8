"""The common part of inline and distributed Map states: the processor and its input."""

from sfn_local.dataflow.fields import Field, ItemTemplate, compile_item_template
from sfn_local.dataflow.flow import uses_jsonata
from sfn_local.dataflow.jsonata import Scope, compile_value, is_expression, kind_of
from sfn_local.dataflow.jsonpath import optional_path, read_value
from sfn_local.document import Document, Json, dumps
from sfn_local.errors import DefinitionError, RuntimeFailure, StateFailure
from sfn_local.executions.line import Visit
from sfn_local.states.graph import BuildGraph, Graph

MODES = ("INLINE", "DISTRIBUTED")


def processor_config(definition: dict[str, Json]) -> dict[str, Json]:
    """The ProcessorConfig of a Map state.

    Raises:
        DefinitionError: the state has no processor, or its Mode is none.
    """
    field = _processor_field(definition)
    processor = definition.get(field)
    if not isinstance(processor, dict):
        raise DefinitionError("an ItemProcessor is missing", f"/{field}")
    config = processor.get("ProcessorConfig", {})
    mode = config.get("Mode", "INLINE") if isinstance(config, dict) else None
    if mode not in MODES:
        message = f"Mode must be one of {', '.join(MODES)}"
        raise DefinitionError(message, f"/{field}/ProcessorConfig/Mode")
    return dict(config)


def build_processor(definition: dict[str, Json], build: BuildGraph) -> Graph:
    """The graph of a Map state's processor.

    Raises:
        DefinitionError: it is not well formed.
    """
    field = _processor_field(definition)
    try:
        return build(definition[field])
    except DefinitionError as error:
        raise error.within(f"/{field}") from None


def compile_selector(definition: dict[str, Json]) -> ItemTemplate | None:
    """Return the function that makes the processor's input from an item; None without a selector.

    Raises:
        DefinitionError: it is not well formed.
    """
    field = "ItemSelector" if "ItemSelector" in definition else "Parameters"
    if field not in definition:
        return None
    return compile_item_template(definition, definition[field], f"/{field}")


def compile_items(definition: dict[str, Json]) -> Field[Json]:
    """Return the function that finds the items of a Map state.

    Raises:
        DefinitionError: ItemsPath is not a path, or Items not an expression.
    """
    if uses_jsonata(definition):
        return _compile_items_value(definition)
    path = optional_path(definition, "ItemsPath")

    def read(visit: Visit, document: Document) -> Json:
        if path is None:
            raise RuntimeFailure("ItemsPath must not be null.")
        return read_value(path, document, visit)

    return read


def not_iterable(definition: dict[str, Json], visit: Visit, value: Json) -> StateFailure:
    """The failure of a Map state whose items are none."""
    if not uses_jsonata(definition):
        path = str(definition.get("ItemsPath", "$"))
        path = path[1:] if path.startswith("$$") else path  # as AWS shows the context's paths
        return RuntimeFailure(f'Reference path "{path}" must point to array.')
    items = definition.get("Items")
    if not is_expression(items):
        return visit.query_failure(f"Map state input must be an array but was: {dumps(value)}")
    return visit.query_failure(
        f"The JSONata expression '{items[2:-2].strip()}' specified for the field 'Items' returned "
        f"an unexpected result type. Expected 'array', but was '{kind_of(value)}' for value: "
        f"{dumps(value)}",
        "Items",
    )


def _compile_items_value(definition: dict[str, Json]) -> Field[Json]:
    if "Items" not in definition:
        return lambda visit, document: document.value  # noqa: ARG005 - a Field
    items = compile_value(definition["Items"], "Items", "/Items")
    return lambda visit, document: items(Scope(visit))  # noqa: ARG005


def _processor_field(definition: dict[str, Json]) -> str:
    return "ItemProcessor" if "ItemProcessor" in definition else "Iterator"
