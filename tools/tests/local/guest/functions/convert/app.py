"""convert: takes longer than its state waits without a heartbeat."""

import time

from sfn_cqrs.workflows import StepFunctionsContext, StepFunctionService, sfn_handler

machines = StepFunctionService()


@sfn_handler
def lambda_handler(pages, context: StepFunctionsContext):
    """Work for some seconds, beat meanwhile, then hand the result over."""
    with machines.heartbeats(context.task_token, every=0.2) as beats:
        until = time.monotonic() + context.execution.input["seconds"]
        while time.monotonic() < until and not beats.is_gone:
            time.sleep(0.05)
    machines.resume_execution(context.task_token, {"pages": pages, "gone": beats.is_gone})
