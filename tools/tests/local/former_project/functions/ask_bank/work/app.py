"""work: one step for the id that the execution was started with.

It may run twice in one execution: an effect that must happen once needs an idempotency key, made
of the execution's name and this state's.
"""

from sfn_cqrs.service.context import StepFunctionsContext, sfn_handler


@sfn_handler
def lambda_handler(_input: object, context: StepFunctionsContext) -> dict[str, object]:
    """Answer what the next state needs: keys and small values, never a record."""
    return {"id": context.execution.input["id"], "result": "done"}
