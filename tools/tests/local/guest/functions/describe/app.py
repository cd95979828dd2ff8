"""describe and describe_page: one function for two states."""

from sfn_cqrs.workflows import StepFunctionsContext, sfn_handler


class Busy(Exception):  # noqa: N818 - the machine retries it by this name
    """Something is busy; another try may cure it."""


@sfn_handler
def lambda_handler(document, context: StepFunctionsContext):
    """Tell what the context says; of a busy one the second time it is asked."""
    if context.state.name == "describe_page":
        return {"page": document, "item": context.map_item}
    if context.execution.input["busy"] and context.state.retry_count == 0:
        raise Busy
    return {
        "id": context.execution.input["id"],
        "name": context.execution.name,
        "machine": context.state_machine.name,
        "tries": context.state.retry_count + 1,
        "pages": ["a", "b"],
    }
