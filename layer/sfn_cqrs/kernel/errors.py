"""Every error that the project raises by name.

A class named in an ErrorEquals lives here: Lambda reports the class name as the error's name.
`code` is what the HTTP API and `--json` print; it never changes once released. A class that does
not say it has its own name in small letters, without `Error`.
"""

import re
from difflib import get_close_matches
from math import ceil
from typing import ClassVar

MAX_FIELD = 100
"""Characters of a name that a client made up, as far as an error repeats it."""
_CAPITAL = re.compile("(?<!^)(?=[A-Z])")


class SfnCqrsError(Exception):
    """Base of the errors whose message a user may read."""

    code: ClassVar[str] = "internal_error"
    index: int | None = None
    """Which of several that were asked for together is refused, from 0."""

    def __init_subclass__(cls) -> None:
        """Name the code of a class of this module; one of another module has its base's."""
        if cls.__module__ == __name__ and "code" not in vars(cls):
            cls.code = _CAPITAL.sub("_", cls.__name__.removesuffix("Error")).lower()


class InvalidInputError(SfnCqrsError):
    """One field of the input is wrong; `field` is its path, such as `attributes.lat`."""

    def __init__(self, field: str, problem: str) -> None:
        """Name the field and its problem."""
        field = field[:MAX_FIELD]
        super().__init__(f"{field}: {problem}")
        self.field = field
        self.problem = problem


class UnknownNameError(InvalidInputError):
    """A name that nobody registers; `known` has those that exist."""

    code = InvalidInputError.code
    place: ClassVar[str] = "type"
    kind: ClassVar[str] = "types"
    reason: ClassVar[str] = "is not registered"

    def __init__(self, name: object, known: list[str]) -> None:
        """Name those that exist, and the one that may be meant, so that a typing error shows."""
        name = name[:MAX_FIELD] if isinstance(name, str) else name
        capitals = {each.upper(): each for each in known}
        close = get_close_matches(name.upper(), capitals, 1) if isinstance(name, str) else []
        meant = f" (did you mean {capitals[close[0]]}?)" if close else ""
        names = ", ".join(known) or "none"
        super().__init__(self.place, f"{name!r} {self.reason}{meant}; known {self.kind}: {names}")
        self.known = known


class UnknownTypeError(UnknownNameError):
    """No module of the user's package registers this type."""


class UnknownTaskTypeError(UnknownNameError):
    """No module of the user's package registers this type of task."""

    place = "taskType"


class UnknownApprovalTypeError(UnknownNameError):
    """No module of the user's package registers this type of approval."""


class UnknownTableError(UnknownNameError):
    """No module of the user's package imports rows into this table."""

    place = "tableName"
    kind = "tables"
    reason = "has no strategy"


class ForeignFileError(InvalidInputError):
    """A file that is not among this tenant's files."""

    def __init__(self, prefix: str) -> None:
        """Say where the tenant's files lie."""
        super().__init__("key", f"must begin with {prefix}")


class NoSuchFileError(InvalidInputError):
    """Nothing has been uploaded under this key."""

    def __init__(self, key: str) -> None:
        """Say which key."""
        super().__init__("key", f"there is no object {key}; upload it first")


class FileTooLargeError(InvalidInputError):
    """A file larger than an import reads."""

    def __init__(self, largest: int) -> None:
        """Say how large a file may be, in bytes."""
        super().__init__("key", f"the file has more than {largest} bytes")


class NoItemsError(InvalidInputError):
    """A batch task has nothing to do."""


class TooManyItemsError(InvalidInputError):
    """A batch task has more items than one execution can work on."""


class AttributesTooLargeError(InvalidInputError):
    """The attributes of an item are larger than an answer can carry."""


class ItemTooLargeError(InvalidInputError):
    """The input of an item, or of all items together, is larger than a task takes."""


class UnknownSagaError(UnknownNameError):
    """No module of the user's package registers steps of this saga."""

    place = "saga"
    kind = "sagas"


class UnknownStepError(UnknownNameError):
    """No code has a step or a compensation that a saga has recorded when it began."""

    code = InvalidInputError.code
    place = "saga"
    kind = "steps"
    reason = "has no code here: deploy it again, then retry the saga"


class UnknownReadModelError(UnknownNameError):
    """No module of the user's package declares this read model, so no client reads it."""

    place = "name"
    kind = "read models"
    reason = "is not declared by read_model_type"


class SagaInputTooLargeError(InvalidInputError):
    """The input of a saga is larger than its item can hold."""

    code = "input_too_large"


class PayloadTooLargeError(InvalidInputError):
    """An input or output is larger than Step Functions passes on."""


class InvalidTokenError(SfnCqrsError):
    """A task token that no wait of this account and region was given."""


class TokenRefusedError(SfnCqrsError):
    """The role may not end the wait that a task token stands for; it may be another machine's."""


class NotWaitingError(SfnCqrsError):
    """Nobody waits there: the execution has not come to the state, or does not exist."""


class VersionConflictError(SfnCqrsError):
    """Somebody else has published a version since the caller read; read again, then retry."""

    def __init__(self, current_version: int) -> None:
        """Carry the version that the caller has to build on (0: the item does not exist)."""
        super().__init__(f"the current version is {current_version}")
        self.current_version = current_version


class RuleRefusedError(SfnCqrsError):
    """The `check` of a type refuses the change, as the item now is."""


class TogetherTooLargeError(InvalidInputError):
    """Versions that are to be published together do not fit into one transaction."""

    def __init__(self, problem: str) -> None:
        """Name the limit."""
        super().__init__("commands", f"{problem}; publish fewer together")


class NotUniqueError(RuleRefusedError):
    """Another item of the type has a value that no two may have.

    `field` is its path, and `taken_by` the other item's code, if the caller may read that item.
    """

    def __init__(self, type_: str, field: str, taken_by: str = "") -> None:
        """Name the field, and the item."""
        super().__init__(f"{field}: {f'{type_} {taken_by}' if taken_by else 'another item'} has it")
        self.field = field
        self.taken_by = taken_by


class ChainBusyError(SfnCqrsError):
    """A synchronous publish found an earlier version that has not been applied."""

    def __init__(self, version: int, outcome: str) -> None:
        """Name the version that is in the way."""
        super().__init__(f"version {version} is {outcome}; wait for it, or publish asynchronously")
        self.version = version
        self.outcome = outcome


class NotAppliedError(SfnCqrsError):
    """The version that a reader asks for has closed, and is not applied."""

    def __init__(self, version: int, outcome: str) -> None:
        """Name the version, and what has become of it."""
        super().__init__(f"version {version} is {outcome}")
        self.version = version
        self.outcome = outcome


class NotAppliedYetError(NotAppliedError):
    """The version that a reader asks for is on its way; ask again."""


class NotFoundError(SfnCqrsError):
    """There is no such item in this tenant."""


class DeletedError(NotFoundError):
    """The item's latest applied version is a deletion."""


class NoAppliedVersionError(NotFoundError):
    """No version of the item was applied, or the state of the last one has expired."""


class IdempotencyMismatchError(SfnCqrsError):
    """The Idempotency-Key was used with another body in the last 24 hours."""

    code = "idempotency_key_reused"


class NotFailedError(SfnCqrsError):
    """Retry is for what has failed, skip for a version that is FAILED or BLOCKED."""


class NotUndoableError(SfnCqrsError):
    """An import that is open, has written nothing or is too old cannot be undone."""


class NotOpenError(SfnCqrsError):
    """A task or an import that has ended cannot be cancelled."""


class NotParkedError(SfnCqrsError):
    """Only a saga that is PARKED can be retried."""


class WrongStageError(SfnCqrsError):
    """A read model's rebuild is not where this can be done."""


class NotRebuildableError(SfnCqrsError):
    """No sync handler writes this read model, so nothing can be replayed into it."""


class TaskBusyError(SfnCqrsError):
    """An item of an ended task is still being worked on by a function that nobody can stop."""


class ForbiddenError(SfnCqrsError):
    """The caller lacks the role that this action asks for."""


class NotPermittedError(ForbiddenError):
    """No declaration lets this client do that; the message says which one would."""


class FourEyesError(ForbiddenError):
    """The requester of an approval cannot decide on it."""


class NotAnApproverError(ForbiddenError):
    """The caller is not among those who decide on this approval."""


class AlreadyDecidedError(SfnCqrsError):
    """The approval is decided, or this approver has said something else before."""

    def __init__(self, message: str, status: str) -> None:
        """Carry the status that stands."""
        super().__init__(message)
        self.status = status


class StaleError(SfnCqrsError):
    """What is to be decided on is not what was seen: the item has changed; ask again."""


class InvalidLinkError(ForbiddenError):
    """An approval link that was not made here, or not for this."""


class LinksDisabledError(NotFoundError):
    """Approval links are off."""


class ExpiredError(SfnCqrsError):
    """Nobody decided on the approval in time; request it again."""


class UnauthorizedError(SfnCqrsError):
    """The request carries no verified claims that name a tenant."""


class BadSignatureError(SfnCqrsError):
    """A webhook that nobody with the shared secret has signed, or that is too old."""


class TooLargeError(SfnCqrsError):
    """The body is larger than the API takes."""

    code = "body_too_large"


class AnswerTooLargeError(SfnCqrsError):
    """The answer is larger than the API can send."""


class TooManyRequestsError(SfnCqrsError):
    """The tenant has asked for more writes than it may at a time; `seconds`: when to ask again."""

    def __init__(self, seconds: float) -> None:
        """Say when."""
        super().__init__(
            f"the tenant asks for more writes than it may have: ask again in {ceil(seconds)} s;"
            " the parameters TenantWriteRate and TenantWriteBurst say how many"
        )
        self.seconds = seconds


class TooManyImportsError(TooManyRequestsError):
    """The tenant has as many imports open as it may, or as many bytes or rows in them."""

    def __init__(self, parameter: str) -> None:
        """Name the parameter that says how much may be open."""
        SfnCqrsError.__init__(
            self,
            "the tenant's open imports take all that it may have: send it again when one of them"
            f" has ended, or cancel one; the parameter {parameter} says how much",
        )
        self.parameter = parameter
        self.seconds = 30


class TooManyErasuresError(TooManyRequestsError):
    """The tenant has as many erasures open as it may."""

    def __init__(self, most: int) -> None:
        """Say how many."""
        SfnCqrsError.__init__(
            self, f"the tenant has {most} open erasures: ask again when some of them are DONE"
        )
        self.seconds = 3_600


class TransientError(Exception):
    """Another try may succeed: a sync handler raises it when its target is busy or away."""


class BusyError(TransientError):
    """AWS is busy or unreachable; a machine knows it as TransientError."""

    code: ClassVar[str] = "busy"


class SqlRefusedError(SfnCqrsError):
    """PostgreSQL refuses a statement or a value; another try would be refused as well."""

    def __init__(self, state: str, message: str, detail: str = "") -> None:
        """Carry the SQLSTATE, and what PostgreSQL says."""
        super().__init__(f"{state}: {message}" + (f" ({detail})" if detail else ""))
        self.state = state
        self.detail = detail

    @property
    def is_of_value(self) -> bool:
        """Whether a value is at fault, and no statement: another one may be taken."""
        return self.state.startswith("22")  # the class of data exceptions


class SqlDisabledError(SfnCqrsError):
    """The stack has no PostgreSQL."""


class MigrationError(SfnCqrsError):
    """A migration cannot be applied; the message names its file and line."""

    code = "migration_failed"


class NotYetError(Exception):
    """An earlier version is open; the express machine looks again in a moment."""


class SupersededError(Exception):
    """A newer attempt owns the version, or it is closed: this execution has nothing left to do."""


class PredecessorFailedError(Exception):
    """The version before this one failed, so this one is blocked until that one is repaired."""


class VersionGapError(Exception):
    """The version before this one is neither stored nor applied."""


class UpcastError(SfnCqrsError):
    """A function of `command_type(…, upcast=…)` fails on a version that is stored."""

    code = "upcast_failed"

    def __init__(self, type_: str, shape: int, error: str, place: str) -> None:
        """Name the type, the shape, and where the function fails; its message may quote a value."""
        where = f" ({place})" if place else ""
        super().__init__(f"{type_}: the upcast of shape {shape} raises {error}{where}")


class AppBrokenError(SfnCqrsError):
    """A module of the user's package cannot be imported; `trace` has the lines at fault."""

    def __init__(self, module: str, reason: str, trace: str) -> None:
        """Name the module, and what importing it raises."""
        super().__init__(f"{module} cannot be imported: {reason}\n{trace}".rstrip())
        self.module = module
        self.trace = trace


class SyncHandlerError(Exception):
    """A sync handler raised: its name, the error, and the lines of the user's code."""


class NoticeLoopError(Exception):
    """A notice is deeper than its handler lets it be: handlers of notices cause one another."""

    def __init__(self, action: str, handler: str, depth: int) -> None:
        """Name the handler, and how many handlers of notices have led to this notice."""
        super().__init__(
            f"{handler} does not get this {action}: {depth} handlers of notices have led to it, one"
            " by the other. Mend the one that causes the next notice; if so many are right, declare"
            " on_notice(…, depth=…)"
        )


class WebhookTargetError(Exception):
    """A webhook must not go there: not https, or a host with an address that is not public."""

    def __init__(self, why: str) -> None:
        """Say why; no address is quoted."""
        super().__init__(f"the webhook is not sent: {why}")


class WebhookNotTakenError(Exception):
    """The receiver of a webhook was not reached in time, or did not answer 2xx."""

    def __init__(self, why: str) -> None:
        """Say why; neither the path nor the answer is quoted."""
        super().__init__(f"the webhook was not taken: {why}; the notice is delivered again")


class ItemTimeoutError(BaseException):
    """A task's item took longer than its type allows; no handler takes this for its own error."""


class ItemResultError(Exception):
    """A task handler returned what cannot be kept."""


class StepRefusedError(Exception):
    """A saga's step is impossible, as for a declined card: no retry, the saga is undone."""

    def __init__(self, reason: str, message: str) -> None:
        """Name the reason, such as `out_of_stock`, and explain it in one sentence."""
        super().__init__(message)
        self.reason = reason


class SagaStepError(Exception):
    """A step was refused or failed, or a compensation cannot be made; the log says why."""


class SagaResultError(Exception):
    """A step returned what the log cannot hold."""


class SagaLogError(Exception):
    """A machine has ended, and its saga's log says that something is left."""


class InvalidFileError(SfnCqrsError):
    """A file that cannot be imported as it is; `problem` is stable, the message says what to do."""

    def __init__(self, problem: str, message: str) -> None:
        """Name the problem, such as `header_missing`, and say it in one sentence."""
        super().__init__(message)
        self.problem = problem
