"""Pictures of definitions, and of the path that an execution took."""

from sfn_local.graph.mermaid import mermaid
from sfn_local.graph.svg import svg
from sfn_local.graph.taken import Taken, taken

__all__ = ["Taken", "mermaid", "svg", "taken"]
