"""JSONata 2.0.6, the version that Step Functions documents: what it parses, and what it gives.

Sources: https://docs.jsonata.org/2.0.0/overview, and the test suite of jsonata-js 2.0.6.
"""

from sfn_local.language.jsonata.errors import InternalError, JsonataError, LimitError
from sfn_local.language.jsonata.messages import message_of
from sfn_local.language.jsonata.nodes import Node
from sfn_local.language.jsonata.parser import parse
from sfn_local.language.jsonata.run import Run
from sfn_local.language.jsonata.values import NOTHING, Function, Native, Sequence

__all__ = [
    "NOTHING",
    "Function",
    "InternalError",
    "JsonataError",
    "LimitError",
    "Native",
    "Node",
    "Run",
    "Sequence",
    "message_of",
    "parse",
]
