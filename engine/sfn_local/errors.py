"""Errors: failures inside an execution, and refusals of the API.

A StateFailure travels through an execution and meets its Retry and Catch fields. An ApiError
answers a caller; each class is named, coded and worded as AWS does it.
"""

# ruff: noqa: N818 - the classes of the API carry AWS's names

from typing import ClassVar


class StateFailure(Exception):
    """A state failed with an error name and a cause, as `Error` and `Cause` show them."""

    def __init__(self, error: str | None, cause: str | None) -> None:
        """Both are None where SendTaskFailure gave none."""
        super().__init__(f"{error}: {cause}")
        self.error = error
        self.cause = cause

    @property
    def names(self) -> tuple[str | None, ...]:
        """The names under which Retry and Catch know it."""
        return (self.error,)

    def reasons(self) -> dict[str, str]:
        """The error and the cause as events show them."""
        given = {"error": self.error, "cause": self.cause}
        return {name: text for name, text in given.items() if text is not None}


class HeartbeatFailure(StateFailure):
    """A missed heartbeat: reported as States.Timeout, known to Retry and Catch by both names."""

    def __init__(self) -> None:
        """Reported without a cause, as AWS does it."""
        super().__init__("States.Timeout", None)

    @property
    def names(self) -> tuple[str | None, ...]:
        """The names under which Retry and Catch know it."""
        return ("States.HeartbeatTimeout", "States.Timeout")


class RuntimeFailure(StateFailure):
    """States.Runtime: the state cannot be run on its data; the state adds its name to the cause."""

    def __init__(self, cause: str) -> None:
        """The cause, without the sentence that names the state."""
        super().__init__("States.Runtime", cause)


class NotFound(RuntimeFailure):
    """A path leads nowhere in its data."""


class ResultTooLarge(StateFailure):
    """States.DataLimitExceeded: the answer of a task is too large."""

    def __init__(self, what: str) -> None:
        """Take the state, the function or the integration whose result is too large."""
        cause = (
            f"The state/task '{what}' returned a result with a size exceeding the maximum "
            "number of bytes service limit."
        )
        super().__init__("States.DataLimitExceeded", cause)


class SizeFailure(ResultTooLarge):
    """States.DataLimitExceeded: data that the state itself makes is too large.

    No States.ALL handles that, as the guide says; a task's answer it does handle, as recorded.
    """


class ItemReaderFailure(StateFailure):
    """States.ItemReaderFailed: the items of a Distributed Map cannot be read."""

    def __init__(self, cause: str) -> None:
        """The cause says which object, and what is wrong with it."""
        super().__init__("States.ItemReaderFailed", cause)


class ResultWriterFailure(StateFailure):
    """States.ResultWriterFailed: the results of a Map Run cannot be written."""

    def __init__(self, cause: str) -> None:
        """The cause says which bucket, and what is wrong with it."""
        super().__init__("States.ResultWriterFailed", cause)


class HistoryFull(Exception):
    """The execution has no room for another event; nothing can catch that."""


class DefinitionError(ValueError):
    """A definition cannot be compiled; pointer is the JSON pointer of what is wrong."""

    def __init__(self, message: str, pointer: str = "") -> None:
        """The message says what is wrong there."""
        super().__init__(message)
        self.message = message
        self.pointer = pointer

    def within(self, pointer: str) -> "DefinitionError":
        """The same error, seen from outside."""
        return DefinitionError(self.message, pointer + self.pointer)


class ApiError(Exception):
    """A call was refused; code is the name that AWS gives the refusal.

    It is made of what was asked for, or of what is wrong, which `told` turns into AWS's words.
    """

    told: ClassVar[str] = "{}"

    def __init__(self, what: str = "") -> None:
        """Word it as AWS does."""
        super().__init__(self.told.format(what))

    @property
    def code(self) -> str:
        """The value of `__type`."""
        return type(self).__name__


class ActivityAlreadyExists(ApiError):
    """The name is taken by an activity with other settings."""

    told = "Activity Already Exists: '{}'"


class ActivityDoesNotExist(ApiError):
    """No such activity."""

    told = "Activity Does Not Exist: '{}'"


class ConflictException(ApiError):
    """Two updates met."""


class ExecutionAlreadyExists(ApiError):
    """The name is taken by another input, or by an execution that has ended."""

    told = "Execution Already Exists: '{}'"


class ExecutionDoesNotExist(ApiError):
    """No such execution."""

    told = "Execution Does Not Exist: '{}'"


class ExecutionNotRedrivable(ApiError):
    """The execution runs, has succeeded, or ended too long ago."""


class InvalidArn(ApiError):
    """The text is not an ARN of the kind that the call takes."""

    told = "Invalid Arn: '{}'"


class InvalidDefinition(ApiError):
    """The definition is not one that can run."""

    told = "Invalid State Machine Definition: '{}'"


class UntestableState(ApiError):
    """TestState cannot run a state of this type."""

    @property
    def code(self) -> str:
        """As AWS calls it."""
        return "InvalidDefinition"


class InvalidEncryptionConfiguration(ApiError):
    """The encryption is not one that can be configured."""

    told = "Invalid Encryption Configuration: {}"


class InvalidLoggingConfiguration(ApiError):
    """The logging is not one that can be configured."""

    told = "Invalid Logging Configuration: {}"


class InvalidExecutionInput(ApiError):
    """The input is not JSON."""

    told = "Invalid State Machine Execution Input: '{}'"


class InvalidName(ApiError):
    """The name is empty, too long, or has a character that names may not have."""

    told = "Invalid Name: '{}'"


class InvalidOutput(ApiError):
    """The output is not JSON."""

    told = "Invalid Output: '{}'"


class InvalidToken(ApiError):
    """The text cannot be a token, or a page token; it is a secret and is not repeated."""

    told = "Invalid Token: 'Invalid token'"


class ResourceNotFound(ApiError):
    """No such resource."""

    def __init__(self, arn: str | None) -> None:
        """The resource that was asked for; where AWS does not repeat it None."""
        unnamed = "Request references a resource that does not exist."
        super().__init__(unnamed if arn is None else f"Resource not found: '{arn}'")


class StateMachineAlreadyExists(ApiError):
    """The name is taken by a machine with another definition."""

    told = "State Machine Already Exists: '{}'"


class ServiceQuotaExceededException(ApiError):
    """A machine has as many versions or aliases as it may have."""


class StateMachineDoesNotExist(ApiError):
    """No such state machine."""

    told = "State Machine Does Not Exist: '{}'"


class StateMachineTypeNotSupported(ApiError):
    """The operation is not one of this type of machine."""


class TaskDoesNotExist(ApiError):
    """The token was never handed out; it is a secret and is not repeated."""

    told = "Task Does Not Exist: 'Provided task does not exist'"


class TaskTimedOut(ApiError):
    """The task is over: it has its answer, timed out, or its execution has ended.

    The token is a secret and is not repeated.
    """

    told = "Task Timed Out: 'Provided task does not exist anymore'"


class TooManyTags(ApiError):
    """A resource may have 50 tags."""

    told = "Too many tags: '{}'"


class ValidationException(ApiError):
    """A parameter is missing, of the wrong type, or out of its range."""


class MissingRequiredParameter(ApiError):
    """Several parameters are possible, and the call has none of them."""


class SerializationException(ApiError):
    """The request's body is not a JSON object."""


class UnknownOperationException(ApiError):
    """There is no such operation, or not in this engine."""


class JournalError(RuntimeError):
    """The folder has no journal that this engine can go on with, or it cannot be written."""
