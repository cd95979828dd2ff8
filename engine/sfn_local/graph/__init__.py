"""Pictures of definitions, and of the path that an execution took."""

from sfn_local.graph.mermaid import mermaid
from sfn_local.graph.svg import svg
from sfn_local.graph.taken import CAUGHT, FAILED, RUNNING, SUCCEEDED, Taken, taken

__all__ = ["CAUGHT", "FAILED", "RUNNING", "SUCCEEDED", "Taken", "mermaid", "svg", "taken"]
