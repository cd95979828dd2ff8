"""The fields of the Amazon States Language.

Source: Amazon States Language specification, and the Step Functions Developer Guide where AWS
has more than it.
"""

from dataclasses import dataclass

from sfn_local.document import Json

ANYTHING, TEXT, NUMBER, INTEGER, BOOLEAN, OBJECT, LIST = (
    "anything",
    "a string",
    "a number",
    "an integer",
    "true or false",
    "an object",
    "a list",
)
TEXT_OR_NULL = "a path or null"
OBJECT_OR_LIST = "an object or a list"

PYTHON_TYPES: dict[str, tuple[type, ...]] = {
    TEXT: (str,),
    TEXT_OR_NULL: (str, type(None)),
    NUMBER: (int, float),
    INTEGER: (int,),
    BOOLEAN: (bool,),
    OBJECT: (dict,),
    LIST: (list,),
    OBJECT_OR_LIST: (dict, list),
}

LONGEST = 99_999_999
LARGEST = 10**15


@dataclass(frozen=True, slots=True)
class Field:
    """The values that a field takes; object names the fields of the object or of the list's."""

    description: str
    least: float = 0
    most: float = LARGEST
    choices: tuple[str, ...] = ()
    object: str = ""
    required: tuple[str, ...] = ()

    @property
    def is_number(self) -> bool:
        """Whether its values have a range."""
        return self.description in (NUMBER, INTEGER)

    @property
    def accepts_expression(self) -> bool:
        """Whether a JSONata expression may stand for the value."""
        return self.description not in (TEXT, TEXT_OR_NULL)

    def accepts(self, value: Json) -> bool:
        """Whether the value has the right type."""
        if self.description == ANYTHING:
            return True
        if isinstance(value, bool):
            return self.description == BOOLEAN
        return isinstance(value, PYTHON_TYPES[self.description])


def _texts(*names: str) -> dict[str, Field]:
    return {name: Field(TEXT) for name in names}


def _any(*names: str) -> dict[str, Field]:
    return {name: Field(ANYTHING) for name in names}


def _seconds(*names: str) -> dict[str, Field]:
    limits = {name: Field(INTEGER, 1, LONGEST) for name in names}
    return limits | {f"{name}Path": Field(TEXT) for name in names}


LANGUAGE = Field(TEXT, choices=("JSONPath", "JSONata"))
SCOPE = {"StartAt": Field(TEXT), "States": Field(OBJECT), "Comment": Field(TEXT)}

MACHINE: dict[str, Field] = SCOPE | {
    "Version": Field(TEXT, choices=("1.0",)),
    "TimeoutSeconds": Field(INTEGER, 1, LONGEST),
    "QueryLanguage": LANGUAGE,
}

COMMON: dict[str, Field] = {
    "Type": Field(TEXT),
    "Comment": Field(TEXT),
    "QueryLanguage": LANGUAGE,
    "Output": Field(ANYTHING),
}

TRANSITION = {"Next": Field(TEXT), "End": Field(BOOLEAN)}
NARROWING = dict.fromkeys(("InputPath", "OutputPath"), Field(TEXT_OR_NULL))
RESULT = {"ResultSelector": Field(OBJECT), "ResultPath": Field(TEXT_OR_NULL)}
ASSIGN = {"Assign": Field(OBJECT)}
RECOVERY = {
    "Retry": Field(LIST, object="Retrier", required=("ErrorEquals",)),
    "Catch": Field(LIST, object="Catcher", required=("ErrorEquals", "Next")),
}

STATES: dict[str, dict[str, Field]] = {
    "Task": {
        **TRANSITION,
        **NARROWING,
        **RESULT,
        **ASSIGN,
        **RECOVERY,
        **_texts("Resource"),
        **_any("Parameters", "Arguments"),
        "Credentials": Field(OBJECT),
        **_seconds("TimeoutSeconds", "HeartbeatSeconds"),
    },
    "Pass": {
        **TRANSITION,
        **NARROWING,
        **ASSIGN,
        **_any("Result", "Parameters"),
        "ResultPath": Field(TEXT_OR_NULL),
    },
    "Choice": {
        **NARROWING,
        **ASSIGN,
        "Choices": Field(LIST),
        **_texts("Default"),
    },
    "Wait": {
        **TRANSITION,
        **NARROWING,
        **ASSIGN,
        "Seconds": Field(INTEGER, 0, LONGEST),
        **_texts("SecondsPath", "Timestamp", "TimestampPath"),
    },
    "Succeed": {**NARROWING},
    "Fail": _texts("Error", "ErrorPath", "Cause", "CausePath"),
    "Parallel": {
        **TRANSITION,
        **NARROWING,
        **RESULT,
        **ASSIGN,
        **RECOVERY,
        **_any("Parameters", "Arguments"),
        "Branches": Field(LIST),
    },
    "Map": {
        **TRANSITION,
        **NARROWING,
        **RESULT,
        **ASSIGN,
        **RECOVERY,
        **_any("Parameters", "ItemSelector", "Items"),
        "ItemProcessor": Field(OBJECT),
        "Iterator": Field(OBJECT),
        "ItemsPath": Field(TEXT),
        "MaxConcurrency": Field(INTEGER),
        "MaxConcurrencyPath": Field(TEXT),
        "ItemReader": Field(OBJECT, object="ItemReader", required=("Resource",)),
        "ItemBatcher": Field(OBJECT, object="ItemBatcher"),
        "ResultWriter": Field(OBJECT, object="ResultWriter"),
        "Label": Field(TEXT),
        "ToleratedFailureCount": Field(INTEGER),
        "ToleratedFailureCountPath": Field(TEXT),
        "ToleratedFailurePercentage": Field(NUMBER, 0, 100),
        "ToleratedFailurePercentagePath": Field(TEXT),
    },
}

REQUIRED: dict[str, tuple[str, ...]] = {
    "Task": ("Resource",),
    "Choice": ("Choices",),
    "Parallel": ("Branches",),
}

PROCESSOR: dict[str, Field] = SCOPE | {
    "ProcessorConfig": Field(OBJECT, object="ProcessorConfig"),
}

OBJECTS: dict[str, dict[str, Field]] = {
    "Branch": SCOPE | {"QueryLanguage": LANGUAGE},
    "Retrier": {
        "Comment": Field(TEXT),
        "ErrorEquals": Field(LIST),
        "IntervalSeconds": Field(INTEGER, 0, LONGEST),
        "MaxAttempts": Field(INTEGER, 0, LONGEST),
        "BackoffRate": Field(NUMBER, 1),
        "MaxDelaySeconds": Field(INTEGER, 1, 31_622_400),
        "JitterStrategy": Field(TEXT, choices=("FULL", "NONE")),
    },
    "Catcher": {
        "Comment": Field(TEXT),
        "ErrorEquals": Field(LIST),
        "Next": Field(TEXT),
        "ResultPath": Field(TEXT_OR_NULL),
        "Output": Field(ANYTHING),
        "Assign": Field(OBJECT),
    },
    "ProcessorConfig": {
        "Mode": Field(TEXT, choices=("INLINE", "DISTRIBUTED")),
        "ExecutionType": Field(TEXT, choices=("STANDARD", "EXPRESS")),
    },
    "ItemReader": {
        "Resource": Field(TEXT),
        "ReaderConfig": Field(OBJECT, object="ReaderConfig"),
        "Parameters": Field(OBJECT),
        "Arguments": Field(ANYTHING),
    },
    "ReaderConfig": {
        "InputType": Field(TEXT, choices=("CSV", "JSON", "JSONL", "MANIFEST", "PARQUET")),
        "CSVHeaderLocation": Field(TEXT, choices=("FIRST_ROW", "GIVEN")),
        "CSVHeaders": Field(LIST),
        "CSVDelimiter": Field(TEXT, choices=("COMMA", "PIPE", "SEMICOLON", "SPACE", "TAB")),
        "MaxItems": Field(INTEGER, 0, 100_000_000),
        "MaxItemsPath": Field(TEXT),
        "ManifestType": Field(TEXT, choices=("ATHENA_DATA", "S3_INVENTORY")),
        "Transformation": Field(TEXT, choices=("NONE", "LOAD_AND_FLATTEN")),
        "ItemsPointer": Field(TEXT),
    },
    "ItemBatcher": {
        "BatchInput": Field(ANYTHING),
        "MaxItemsPerBatch": Field(INTEGER, 1),
        "MaxItemsPerBatchPath": Field(TEXT),
        "MaxInputBytesPerBatch": Field(INTEGER, 1, 262_144),
        "MaxInputBytesPerBatchPath": Field(TEXT),
    },
    "ResultWriter": {
        "Resource": Field(TEXT),
        "Parameters": Field(OBJECT),
        "Arguments": Field(ANYTHING),
        "WriterConfig": Field(OBJECT, object="WriterConfig"),
    },
    "WriterConfig": {
        "Transformation": Field(TEXT, choices=("NONE", "COMPACT", "FLATTEN")),
        "OutputType": Field(TEXT, choices=("JSON", "JSONL")),
    },
}

PATH_FIELDS = ("InputPath", "OutputPath", "ResultPath", "ResultSelector", "Parameters")

JSONPATH_ONLY: dict[str, tuple[str, ...]] = {
    "Task": (*PATH_FIELDS, "TimeoutSecondsPath", "HeartbeatSecondsPath"),
    "Pass": (*PATH_FIELDS, "Result"),
    "Choice": PATH_FIELDS,
    "Wait": (*PATH_FIELDS, "SecondsPath", "TimestampPath"),
    "Succeed": PATH_FIELDS,
    "Fail": ("ErrorPath", "CausePath"),
    "Parallel": PATH_FIELDS,
    "Map": (
        *PATH_FIELDS,
        "ItemsPath",
        "MaxConcurrencyPath",
        "ToleratedFailureCountPath",
        "ToleratedFailurePercentagePath",
    ),
}

JSONATA_ONLY: dict[str, tuple[str, ...]] = {
    "Task": ("Arguments", "Output"),
    "Pass": ("Output",),
    "Choice": ("Output",),
    "Wait": ("Output",),
    "Succeed": ("Output",),
    "Fail": ("Output",),
    "Parallel": ("Arguments", "Output"),
    "Map": ("Items", "Output"),
}
