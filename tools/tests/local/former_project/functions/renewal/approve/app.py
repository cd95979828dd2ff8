"""approve: start ask-bank, and wait for its answer.

The state goes on with the child's result, or fails with its error: ChildTimedOut if it ran out
of time, ChildAborted if somebody stopped it.
"""

from sfn_cqrs.service import children
from sfn_cqrs.service.context import StepFunctionsContext, sfn_handler


@sfn_handler
def lambda_handler(_input: object, context: StepFunctionsContext) -> None:
    """Give the child keys; it reads the rest itself."""
    children.start(context, "ask-bank", {"id": context.execution.input["id"]})
