"""What a Catch, or a refusal, says of a failure."""

import json
from dataclasses import dataclass

MAX_ERROR = 256
MAX_CAUSE = 32_768
MAX_SUMMARY = 4_000
BUSY_ERRORS = (
    "TransientError",
    "Lambda.TooManyRequestsException",
    "Lambda.ServiceException",
    "Lambda.AWSLambdaException",
    "Lambda.SdkClientException",
    "Lambda.ClientExecutionTimeoutException",
)
"""AWS's bad day, by the names that a machine's first Retry has; it waits for half an hour."""


@dataclass(frozen=True, slots=True)
class Failure:
    """An error's name and its cause, within Step Functions' limits of 256 and 32,768 characters."""

    error: str
    cause: str

    @classmethod
    def of(cls, state_input: object) -> "Failure":
        """Read what a Catch gives (`Error`, `Cause`) or a state answers (`error`, `cause`)."""
        fields = state_input if isinstance(state_input, dict) else {}
        error = fields.get("Error") or fields.get("error") or "UnknownError"
        cause = fields.get("Cause") or fields.get("cause") or ""
        return cls(str(error)[:MAX_ERROR], str(cause)[:MAX_CAUSE])

    @property
    def is_predecessors(self) -> bool:
        """Whether only the version before failed."""
        return self.error == "PredecessorFailedError"

    @property
    def state(self) -> str | None:
        """The state that failed, where the error tells: sync_data writes no status."""
        return "sync_data" if self.error == "SyncHandlerError" else None

    @property
    def summary(self) -> str:
        """The cause for a person: the message, then the stack trace if there is one."""
        try:
            details = json.loads(self.cause)
            lines = [details["errorMessage"], *details.get("stackTrace", [])]
        except (ValueError, TypeError, KeyError):
            return self.cause[:MAX_SUMMARY]
        return "\n".join(str(line).rstrip() for line in lines)[:MAX_SUMMARY]
