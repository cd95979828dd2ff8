"""Pictures of definitions, and of the path that an execution took."""

from sfn_local.asl.graph.mermaid import mermaid
from sfn_local.asl.graph.svg import svg
from sfn_local.asl.graph.taken import Taken, taken

__all__ = ["Taken", "mermaid", "svg", "taken"]
