"""mark_failed: record that an execution has failed, and with which error.

Every Catch leads here. Undo effects here that must not stay half done.
"""

from sfn_cqrs.domain.failure import Failure
from sfn_cqrs.service import children
from sfn_cqrs.service.context import StepFunctionsContext, sfn_handler
from sfn_cqrs.service.logs import logger


@sfn_handler
def lambda_handler(caught: object, context: StepFunctionsContext) -> dict[str, object]:
    """Log the error's name, for a cause may hold personal data; answer both."""
    failure = Failure.of(caught)
    logger.error("the execution failed", execution=context.execution.name, error=failure.error)
    children.refuse(context, failure)
    return {"error": failure.error, "cause": failure.cause}
