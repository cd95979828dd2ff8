"""What is sent and answered of rebuilds of read models."""

from sfn_cqrs.domain.read_models import Place, Stage
from sfn_cqrs.routes.schemas.shapes import body, list_of, page_of, record
from sfn_cqrs.routes.schemas.values import COUNT, FLAG, MOMENT, TEXT, one_of

_COUNTS = {"done": COUNT, "skipped": COUNT, "failed": COUNT}
_NUMBER = {"type": "number"}
BEGIN = body(
    "BeginRebuild",
    {},
    {"everyVersion": {**FLAG, "description": "Replay the history too; false: items as they are"}},
)
SWITCH = body(
    "SwitchReadModel",
    {},
    {"withFailed": {**FLAG, "description": "Though items have failed, which are left out"}},
)
REBUILD = record(
    "Rebuild",
    {
        "name": TEXT,
        "types": list_of(TEXT),
        "place": one_of(*Place),
        "stage": one_of(*Stage),
        "since": MOMENT,
        "serving": {**COUNT, "description": "The generation that is read"},
        "attempt": COUNT,
        "everyVersion": FLAG,
        "replayed": record("Replayed", _COUNTS),
        "compared": record(
            "Compared",
            {
                "equal": COUNT,
                "onlyOne": {**COUNT, "description": "Rows that one generation lacks"},
                "different": COUNT,
            },
        ),
    },
    optional={
        "other": {**COUNT, "description": "The generation that is written beside it"},
        "droppableAt": {**MOMENT, "description": "From when on nobody reads the other one"},
        "progress": record(
            "RebuildProgress",
            {**_COUNTS, "hasStopped": FLAG},
            optional={
                "expected": {**COUNT, "description": "About how many there are"},
                "perSecond": _NUMBER,
                "etaSeconds": COUNT,
                "error": TEXT,
                "cause": TEXT,
            },
        ),
    },
)
REBUILDS = page_of(REBUILD)
PROBLEM = record(
    "RebuildProblem",
    {"what": TEXT, "error": TEXT, "at": MOMENT},
    optional={"cause": {**TEXT, "description": "for whoever may read all types of the read model"}},
)
PROBLEMS = page_of(PROBLEM)
