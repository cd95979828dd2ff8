"""start: a message asks for a conversion, maybe twice."""

import os

from sfn_cqrs.workflows import StepFunctionService, execution_name

machines = StepFunctionService()


def lambda_handler(event, _context):
    """Start the execution for a document, if it is not there already."""
    name = execution_name("conversion", event["id"], event.get("attempt", 1))
    data = {"seconds": 0, "busy": False, **event}
    return machines.start_execution(os.environ["CONVERSION_MACHINE_ARN"], data, name)
