"""Pictures of definitions, and of the path that an execution took."""

from sfn_local.graph.drawn import drawn
from sfn_local.graph.mermaid import mermaid
from sfn_local.graph.notes import stays
from sfn_local.graph.svg import svg
from sfn_local.graph.taken import CAUGHT, FAILED, RUNNING, SUCCEEDED, Taken, taken

__all__ = [
    "CAUGHT",
    "FAILED",
    "RUNNING",
    "SUCCEEDED",
    "Taken",
    "drawn",
    "mermaid",
    "stays",
    "svg",
    "taken",
]
