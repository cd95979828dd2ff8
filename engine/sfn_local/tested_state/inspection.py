"""The stages of a state's data flow, as inspectionData shows them."""

import io
from typing import Any

from sfn_local.dataflow.fields import compile_integer, compile_percentage
from sfn_local.dataflow.flow import uses_jsonata
from sfn_local.dataflow.jsonata.flow import JsonataFlow
from sfn_local.dataflow.jsonpath import JsonPathFlow
from sfn_local.distributed.batcher import ItemBatcher
from sfn_local.distributed.items import CsvFormat, read_csv, read_json, read_json_lines
from sfn_local.document import Document, Json
from sfn_local.errors import StateFailure
from sfn_local.executions.line import Visit
from sfn_local.states.item_processor import compile_items, compile_selector
from sfn_local.tested_state.outcome import Notes, Outcome
from sfn_local.tested_state.question import Question

WHOLE_LIMITS = {
    "maxConcurrency": "MaxConcurrency",
    "toleratedFailureCount": "ToleratedFailureCount",
}


def inspect(question: Question, visit: Visit, outcome: Outcome) -> None:
    """Note the stages that were reached."""
    fields = question.definition
    note = Notes(outcome.data)
    outcome.data["input"] = visit.input.text
    if fields["Type"] == "Map":
        _note_limits(fields, visit, outcome)
    if not uses_jsonata(fields):
        _inspect_paths(question, visit, outcome, note)
    elif fields["Type"] == "Task":
        given = {name: value for name, value in fields.items() if name == "Arguments"}
        note("afterArguments", lambda: JsonataFlow(given).arguments(visit))
        note("result", lambda: outcome.result)


def _inspect_paths(question: Question, visit: Visit, outcome: Outcome, note: Notes) -> None:
    fields = question.definition
    if fields["Type"] == "Pass":
        _inspect_pass(fields, visit, outcome, note)
    elif fields["Type"] != "Parallel":
        note("afterInputPath", lambda: _flow(fields, "InputPath").input(visit))
    if fields["Type"] == "Map":
        _inspect_items(question, visit, note)
    elif fields["Type"] == "Task":
        note("afterParameters", lambda: _arguments(fields, visit))
    result = outcome.result
    if result is None:
        return
    if fields["Type"] == "Task":
        note("result", lambda: result)
    selected = _flow(fields, "ResultSelector")
    note("afterResultSelector", lambda: selected.output(visit, result))
    placed = _flow(fields, "ResultSelector", "ResultPath")
    note("afterResultPath", lambda: placed.output(visit, result))


def _inspect_pass(fields: dict[str, Json], visit: Visit, outcome: Outcome, note: Notes) -> None:
    """A Pass state shows its Result, or what leads to one."""
    if "Result" in fields:
        note("result", lambda: Document(fields["Result"]))
    else:
        note("afterInputPath", lambda: _flow(fields, "InputPath").input(visit))
        note("afterParameters", lambda: _arguments(fields, visit))
    if outcome.status == "SUCCEEDED":
        given = fields.get("Result")
        outcome.result = Document(given) if "Result" in fields else _arguments(fields, visit)


def _arguments(fields: dict[str, Json], visit: Visit) -> Document:
    return _flow(fields, "InputPath", "Parameters").arguments(visit)


def _note_limits(fields: dict[str, Json], visit: Visit, outcome: Outcome) -> None:
    """The limits of a Map, those that expressions and paths give too."""
    outcome.data["maxConcurrency"] = 0
    try:
        document = visit.input if uses_jsonata(fields) else _flow(fields, "InputPath").input(visit)
        for shown, name in WHOLE_LIMITS.items():
            number = compile_integer(fields, fields, name)(visit, document)
            if number is not None:
                outcome.data[shown] = number
        share = compile_percentage(fields, "ToleratedFailurePercentage")(visit, document)
        if share is not None:
            outcome.data["toleratedFailurePercentage"] = share
    except StateFailure:
        return  # the outcome tells of it


def _inspect_items(question: Question, visit: Visit, note: Notes) -> None:
    fields = question.definition
    document = _flow(fields, "InputPath").input(visit)
    if "ItemReader" not in fields:
        items = compile_items(fields)(visit, document)
        note("afterItemsPath", lambda: Document(items))
    elif question.reader_data is not None:
        items = _read(fields["ItemReader"], question.reader_data)
        if "ItemsPointer" in fields["ItemReader"].get("ReaderConfig", {}):
            note("afterItemsPointer", lambda: Document(items))
    else:
        return
    if not isinstance(items, list):
        return
    selector = compile_selector(fields)
    if selector is not None:
        items = [
            selector(visit, document, {"Index": index, "Value": value})
            for index, value in enumerate(items)
        ]
        selected = items
        note("afterItemSelector", lambda: Document(selected))
    if "ItemBatcher" in fields:
        batched = _batches(fields, visit, document, items)
        note("afterItemBatcher", lambda: Document(batched))


def _batches(
    fields: dict[str, Json], visit: Visit, document: Document, items: list[Json]
) -> list[Json]:
    batches = ItemBatcher(fields).begin(visit, document)
    taken = [batch for item in items for batch in batches.add(item)]
    return [batch.document.value for batch in [*taken, *batches.flush()]]


def _read(reader: dict[str, Any], text: str) -> list[Json]:
    """The items that a reader would make of its object's content."""
    config = reader.get("ReaderConfig", {})
    stream, kind = io.BytesIO(text.encode()), config.get("InputType")
    if kind == "CSV":
        headers = config.get("CSVHeaders")
        given = tuple(headers) if config.get("CSVHeaderLocation") == "GIVEN" else None
        return list(read_csv(stream, CsvFormat(headers=given)))
    if kind == "JSONL":
        return list(read_json_lines(stream))
    return [item.value for item in read_json(stream, config.get("ItemsPointer"), "")]


def _flow(fields: dict[str, Json], *names: str) -> JsonPathFlow:
    """A data flow with some of a state's fields."""
    return JsonPathFlow({name: fields[name] for name in names if name in fields})
