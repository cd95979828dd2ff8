"""JSONata as Step Functions speaks it: `{% … %}`, `$states`, variables, and AWS's functions.

Source: Step Functions Developer Guide, "Transforming data with JSONata in Step Functions".
"""

from sfn_local.dataflow.jsonata.expressions import (
    Compiled,
    Expression,
    Scope,
    compile_value,
    is_expression,
    kind_of,
)

__all__ = [
    "Compiled",
    "Expression",
    "Scope",
    "compile_value",
    "is_expression",
    "kind_of",
]
