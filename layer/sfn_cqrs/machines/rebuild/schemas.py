"""The requests and answers of rebuilds of read models."""

from sfn_cqrs.kernel.http.shapes import body, list_of, page_of, record
from sfn_cqrs.kernel.http.values import COUNT, FLAG, MOMENT, TEXT, given, of, one_of
from sfn_cqrs.kernel.read_models.rules import Place, Stage

_COUNTS = {"done": COUNT, "skipped": COUNT, "failed": COUNT}
_NUMBER = {"type": "number"}
BEGIN = body(
    "BeginRebuild",
    {},
    {
        "everyVersion": {
            **FLAG,
            "description": "Also replay the history; false: only the current state of items",
        }
    },
)
SWITCH = body(
    "SwitchReadModel",
    {},
    {"withFailed": {**FLAG, "description": "Though items have failed, which are left out"}},
)
DROP = body(
    "DropGeneration",
    {},
    {
        "unwritten": {
            **FLAG,
            "description": "All rows of a read model that no handler is named after",
        }
    },
)
PROGRESS = record(
    "RebuildProgress",
    {**{name: of(f"counts.{name}", COUNT) for name in _COUNTS}, "hasStopped": FLAG},
    optional={
        "expected": {**COUNT, "description": "About how many there are"},
        "perSecond": of(lambda progress: progress.rate and round(progress.rate, 1), _NUMBER),
        "etaSeconds": of("eta", COUNT),
        "error": of(lambda progress: progress.run and progress.run.error, TEXT),
        "cause": of(lambda progress: progress.run and progress.run.cause, TEXT),
    },
)
REBUILD = record(
    "Rebuild",
    {
        "name": of("key.view", TEXT),
        "types": list_of(TEXT),
        "place": one_of(*Place),
        "stage": one_of(*Stage),
        "since": MOMENT,
        "serving": {**COUNT, "description": "The generation that is read"},
        "attempt": COUNT,
        "everyVersion": of("is_every_version", FLAG),
        "replayed": record("Replayed", _COUNTS),
        "compared": record(
            "Compared",
            {
                "equal": of("done", COUNT),
                "onlyOne": of(
                    "skipped", {**COUNT, "description": "Rows that one generation lacks"}
                ),
                "different": of("failed", COUNT),
            },
        ),
    },
    optional={
        "other": {**COUNT, "description": "The generation that is written beside it"},
        "droppableAt": of(
            lambda view: view.begins_at if view.stage in (Stage.READY, Stage.SWITCHED) else None,
            {**MOMENT, "description": "The time after which nobody reads the other generation"},
        ),
        "progress": PROGRESS,
    },
)
REBUILDS = page_of(REBUILD)
PROBLEM = record(
    "RebuildProblem",
    {"what": TEXT, "error": TEXT, "at": of("updated_at", MOMENT)},
    optional={
        "cause": given(
            {**TEXT, "description": "only for callers who may read all types of the read model"}
        )
    },
)
PROBLEMS = page_of(PROBLEM)
