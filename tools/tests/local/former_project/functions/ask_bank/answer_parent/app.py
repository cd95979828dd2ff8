"""answer_parent: end the wait of the parent's state for this execution.

An execution without a parent only ends.
"""

from sfn_cqrs.service import children
from sfn_cqrs.service.context import StepFunctionsContext, sfn_handler


@sfn_handler
def lambda_handler(result: object, context: StepFunctionsContext) -> object:
    """Answer what the last state has answered, to the parent and as the output."""
    children.answer(context, result)
    return result
