"""What the functions of every machine may fail with."""

from sfn_local import FunctionError

SERVICE_ERRORS = [
    "Lambda.ServiceException",
    "Lambda.AWSLambdaException",
    "Lambda.SdkClientException",
    "Lambda.ClientExecutionTimeoutException",
    "Lambda.TooManyRequestsException",
    "Lambda.Unknown",
    "Sandbox.Timedout",
    "Runtime.ExitError",
]


class TransientError(Exception):
    """AWS was busy."""


class SupersededError(Exception):
    """Somebody later owns it."""


def lambda_error(name: str) -> FunctionError:
    """An error of Lambda's own, by its name."""
    return FunctionError(name, "{}")
