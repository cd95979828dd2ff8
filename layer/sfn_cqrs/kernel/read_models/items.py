"""Items for rebuilds in the read models' table: generations, segments, problems."""

from datetime import datetime

from sfn_cqrs.kernel.read_models.rules import (
    KEPT,
    Problem,
    ProblemKey,
    Segment,
    SegmentKey,
    View,
    ViewKey,
)
from sfn_cqrs.kernel.tables.codec import CREATED, WHERE, Codec
from sfn_cqrs.kernel.tables.records import Kind

_VIEW = Codec(
    View, kind="generations", inside={"key": Codec(ViewKey, also=WHERE), "created": CREATED}
)
_SEGMENT = Codec(Segment, kind="segment", inside={"key": Codec(SegmentKey)})
_PROBLEM = Codec(Problem, kind="problem", inside={"key": Codec(ProblemKey)})


def _kept(_record: object, now: datetime) -> int:
    return int((now + KEPT).timestamp())


VIEWS = Kind(_VIEW)
SEGMENTS = Kind(_SEGMENT, ttl=_kept)
PROBLEMS = Kind(_PROBLEM, ttl=_kept)
