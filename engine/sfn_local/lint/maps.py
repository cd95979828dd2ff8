"""Map states: processors, and what only a Distributed Map has."""

import re

from sfn_local.document import Json
from sfn_local.lint.fields import report_pair
from sfn_local.lint.finding import (
    EMPTY,
    Report,
    not_supported,
    one_missing_of,
    only_one_of,
    required,
)
from sfn_local.lint.model import Definition, StateNode

DISTRIBUTED = "DISTRIBUTED"
ACTIVITY = ":activity:"
PROCESSORS = ("ItemProcessor", "Iterator")
READER_LIMITS = ("MaxItems",)
MOST_INLINE = 40
LONGEST_LABEL = 40
SMALLEST_BATCH = 100

ONLY_DISTRIBUTED = (
    "ItemReader",
    "ItemBatcher",
    "ResultWriter",
    "Label",
)
TOLERANCES = (
    "ToleratedFailureCount",
    "ToleratedFailureCountPath",
    "ToleratedFailurePercentage",
    "ToleratedFailurePercentagePath",
)
BATCH_LIMITS = ("MaxItemsPerBatch", "MaxInputBytesPerBatch")
FORBIDDEN_IN_LABELS = re.compile(r"[?*<>{}\[\]:;,\\|^~$#%&\"'\s\x00-\x1f\x7f-\x9f]")
READERS = ("s3:getObject", "s3:listObjectsV2")
WRITER = "s3:putObject"
BUCKET = "Bucket"


def check(definition: Definition, report: Report) -> None:
    """Look at every Map and Parallel state."""
    for state in definition.of_type("Parallel"):
        if state.fields.get("Branches") == []:
            pointer = f"{state.pointer}/Branches"
            report.add("field-missing", pointer, "there is no branch", refusal=EMPTY)
    for state in definition.of_type("Map"):
        _check_processor(state, report)
        config = _config(state)
        if config.get("Mode") == DISTRIBUTED:
            _check_distributed(state, config, definition, report)
        else:
            _check_inline(state, config, report)


def _config(state: StateNode) -> dict[str, Json]:
    processor = state.fields.get("ItemProcessor", state.fields.get("Iterator"))
    config = processor.get("ProcessorConfig") if isinstance(processor, dict) else None
    return config if isinstance(config, dict) else {}


def _check_processor(state: StateNode, report: Report) -> None:
    given = [name for name in PROCESSORS if name in state.fields]
    if not given:
        message = f"the Map state {state.name} has no ItemProcessor"
        report.add("processor-missing", state.pointer, message, refusal=one_missing_of(*PROCESSORS))
    if len(given) > 1:
        message = f"the Map state {state.name} has ItemProcessor and Iterator"
        where, refusal = f"{state.pointer}/Iterator", only_one_of(*PROCESSORS)
        report.add("processor-both", where, message, refusal=refusal, refused_at=state.pointer)
    most = state.fields.get("MaxConcurrency")
    if isinstance(most, int) and most < 0:
        message = "MaxConcurrency must not be negative"
        report.add("number-range", f"{state.pointer}/MaxConcurrency", message)


def _check_inline(state: StateNode, config: dict[str, Json], report: Report) -> None:
    if "ExecutionType" in config:
        at = f"{state.pointer}/ItemProcessor/ProcessorConfig"
        message, refusal = "an inline Map has no ExecutionType", not_supported("ExecutionType")
        where = f"{at}/ExecutionType"
        report.add("distributed-only", where, message, refusal=refusal, refused_at=at)
    for name in ONLY_DISTRIBUTED:
        if name in state.fields:
            message = f"an inline Map has no {name}"
            rule = "label-unused" if name == "Label" else "distributed-only"
            report.add(rule, f"{state.pointer}/{name}", message)
    for name in TOLERANCES:
        if name in state.fields:
            message = f"an inline Map takes {name} and does not heed it"
            report.add("inline-tolerance", f"{state.pointer}/{name}", message)
    most = state.fields.get("MaxConcurrency")
    if isinstance(most, int) and most > MOST_INLINE:
        message = f"MaxConcurrency {most} is more than an inline Map runs at a time"
        report.add("inline-concurrency", f"{state.pointer}/MaxConcurrency", message)


def _check_distributed(
    state: StateNode, config: dict[str, Json], definition: Definition, report: Report
) -> None:
    if "ExecutionType" not in config:
        pointer = f"{state.pointer}/ItemProcessor/ProcessorConfig"
        message = f"the distributed Map {state.name} has no ExecutionType"
        report.add("execution-type-missing", pointer, message, refusal=required("ExecutionType"))
    if config.get("ExecutionType") == "EXPRESS":
        _check_express(state, definition, report)
    _check_label(state, report)
    _check_reader(state, report)
    _check_batcher(state, report)
    _check_writer(state, report)


def _check_express(state: StateNode, definition: Definition, report: Report) -> None:
    for scope in definition.scopes:
        is_inside = scope.pointer.startswith(f"{state.pointer}/")
        for child in scope.states.values() if is_inside else ():
            if child.is_callback or ".sync" in child.resource or ACTIVITY in child.resource:
                message = f"the task {child.name} waits, in an EXPRESS execution"
                report.add("express-callback", f"{child.pointer}/Resource", message)
            if child.is_distributed:
                message = f"the Map {child.name} is distributed, in an EXPRESS execution"
                report.add("express-callback", child.pointer, message)


def _check_label(state: StateNode, report: Report) -> None:
    label = state.fields.get("Label")
    if isinstance(label, str) and (
        not 1 <= len(label) <= LONGEST_LABEL or FORBIDDEN_IN_LABELS.search(label)
    ):
        report.add("label", f"{state.pointer}/Label", f"{label!r} cannot be a label")


def _check_reader(state: StateNode, report: Report) -> None:
    reader = state.fields.get("ItemReader")
    if not isinstance(reader, dict):
        return
    pointer = f"{state.pointer}/ItemReader"
    resource = str(reader.get("Resource", READERS[0]))
    if not resource.endswith(READERS):
        message = f"{resource} reads no items"
        refusal = "The field 'Resource' does not match any of the allowed values"
        report.add("resource-unknown", f"{pointer}/Resource", message, refusal=refusal)
    config = reader.get("ReaderConfig")
    config = config if isinstance(config, dict) else {}
    where = f"{pointer}/ReaderConfig" if config else pointer
    has_type = "InputType" in config or "ManifestType" in config
    if not has_type and resource.endswith(READERS[0]):
        report.add("field-missing", where, "InputType is missing")
    _check_pairs(config, READER_LIMITS, where, report)
    _check_headers(config, where, report)


def _check_pairs(
    holder: dict[str, Json], names: tuple[str, ...], pointer: str, report: Report
) -> None:
    for name in names:
        if name in holder and f"{name}Path" in holder:
            report_pair(name, pointer, report)


def _check_headers(config: dict[str, Json], pointer: str, report: Report) -> None:
    location = config.get("CSVHeaderLocation")
    if config.get("InputType") == "JSON" and location is not None:
        where, refusal = f"{pointer}/CSVHeaderLocation", not_supported("CSVHeaderLocation")
        message = "JSON has no CSVHeaderLocation"
        report.add("csv-headers", where, message, refusal=refusal, refused_at=pointer)
    if config.get("InputType") == "CSV" and location is None:
        refusal = "The field 'CSVHeaderLocation' is required"
        report.add("field-missing", pointer, "CSVHeaderLocation is missing", refusal=refusal)
    if location == "GIVEN" and not config.get("CSVHeaders"):
        message = "CSVHeaderLocation is GIVEN, and CSVHeaders are not"
        report.add("csv-headers", pointer, message, refusal=required("CSVHeaders"))
    if location == "FIRST_ROW" and "CSVHeaders" in config:
        message = "CSVHeaders are given, and CSVHeaderLocation is FIRST_ROW"
        report.add("csv-headers", f"{pointer}/CSVHeaders", message)


def _check_batcher(state: StateNode, report: Report) -> None:
    batcher = state.fields.get("ItemBatcher")
    if not isinstance(batcher, dict):
        return
    pointer = f"{state.pointer}/ItemBatcher"
    if not any(name.removesuffix("Path") in BATCH_LIMITS for name in batcher):
        report.add("batcher-empty", pointer, "ItemBatcher has no limit")
    _check_pairs(batcher, BATCH_LIMITS, pointer, report)
    size = batcher.get("MaxInputBytesPerBatch")
    if isinstance(size, int) and size < SMALLEST_BATCH:
        message = f"a batch may have {size} bytes"
        report.add("batch-bytes-small", f"{pointer}/MaxInputBytesPerBatch", message)


def _check_writer(state: StateNode, report: Report) -> None:
    writer = state.fields.get("ResultWriter")
    if isinstance(writer, dict):
        pointer = f"{state.pointer}/ResultWriter"
        resource = str(writer.get("Resource", WRITER))
        if not resource.endswith(WRITER):
            message = f"{resource} writes no results"
            report.add("resource-unknown", f"{pointer}/Resource", message)
        parameters = writer.get("Parameters", writer.get("Arguments", {}))
        names = set(parameters) if isinstance(parameters, dict) else {BUCKET}
        if "Resource" in writer and names.isdisjoint((BUCKET, f"{BUCKET}.$")):
            report.add("argument-missing", pointer, "the ResultWriter has no Bucket")
    elif not any(name.startswith("Tolerated") for name in state.fields):
        message = f"the first failed item ends the Map {state.name}, and its results are lost"
        report.add("results-lost", state.pointer, message)
