"""Executions of any state machine: start them, end their waits, keep long work alive.

Needs nothing else of this project: no table, no environment, only boto3 and an ARN.
"""

import json
import re
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple, Self, cast

from botocore.exceptions import ClientError

from sfn_cqrs.kernel.aws.error_codes import WAIT_HAS_ENDED, error_code, suppressing
from sfn_cqrs.kernel.errors import (
    InvalidInputError,
    InvalidTokenError,
    PayloadTooLargeError,
    TokenRefusedError,
)
from sfn_cqrs.kernel.failure import MAX_CAUSE, MAX_ERROR
from sfn_cqrs.kernel.keys import hashed

if TYPE_CHECKING:
    from mypy_boto3_stepfunctions import SFNClient

MAX_PAYLOAD_BYTES = 262_144
MAX_NAME_CHARACTERS = 80
MAX_TOKEN_CHARACTERS = 2048
_UNSAFE = re.compile(r"[^0-9A-Za-z_-]+")
_HASH_CHARACTERS = 26
_NO_TOKEN = "this is not a task token of this account and region"
_ERRORS = {"TIMED_OUT": "ChildTimedOut", "ABORTED": "ChildAborted"}


def execution_name(*identity: str | int) -> str:
    """Return the name of the execution that does this work: always the same for the same identity.

    It begins with the readable part of the identity and ends with its hash, so names are unique. It
    has at most 80 characters, and Step Functions accepts all of them.
    """
    parts = [str(part) for part in identity]
    room = MAX_NAME_CHARACTERS - _HASH_CHARACTERS - 1
    readable = _UNSAFE.sub("-", "-".join(parts))[:room].strip("-")
    return f"{readable}-{hashed(*parts)}" if readable else hashed(*parts)


class Parent(NamedTuple):
    """A state that waits for an execution: its execution, its own name, and the wait's key."""

    execution: str
    state: str
    key: str = ""

    @classmethod
    def of(cls, data: object) -> Self | None:
        """Return the parent that an execution's input names, or None if it has no parent."""
        match data:
            case {"parent": {"execution": str(execution), "state": str(state), **rest}}:
                return cls(execution, state, str(rest.get("key", "")))
            case _:
                return None

    def as_input(self) -> dict[str, str]:
        """Return the child's input about its parent; it has a key only if the wait has one."""
        return {name: value for name, value in self._asdict().items() if value}


class Ended(NamedTuple):
    """How an execution has ended; `output` is JSON, and set if it has SUCCEEDED.

    The error is `ChildTimedOut` if the execution ran out of time, and `ChildAborted` if it was
    stopped.
    """

    status: str
    input: Any
    output: str | None
    error: str
    cause: str


def child_name(parent: Parent) -> str:
    """Return the name of the execution that a state waits for; it is the same for each try."""
    return execution_name("child", *parent.as_input().values())


class Beats:
    """The heartbeats of one wait."""

    def __init__(self) -> None:
        """Begin with a wait that has not ended."""
        self.is_gone = False


class StepFunctionService:
    """Calls Step Functions for handlers, queues and people who decide."""

    def __init__(self, client: "SFNClient | None" = None) -> None:
        """Use a client, or make one when it is first needed."""
        self._given = client

    @cached_property
    def _client(self) -> "SFNClient":
        if self._given is not None:
            return self._given
        import boto3  # noqa: PLC0415 - whoever gives a client pays nothing

        return cast("SFNClient", cast("Any", boto3).client("stepfunctions"))

    def start_execution(self, machine_arn: str, data: object, name: str | None = None) -> str:
        """Start an execution and return its ARN, also if it exists already.

        Without a name it gets a new one, so a second call starts a second execution. Pass keys, not
        records: `$$` repeats the input in every state.

        Raises:
            InvalidInputError: the name is longer than 80 characters or has characters other than
                letters, digits, `-` and `_` (make it with `execution_name`), or the input is not
                JSON.
            PayloadTooLargeError: the input is larger than 256 KiB.
        """
        name = uuid.uuid4().hex if name is None else name  # ours, so that boto3 may try again
        if not name or len(name) > MAX_NAME_CHARACTERS or _UNSAFE.search(name):
            raise InvalidInputError(
                "name", "must be 1 to 80 letters, digits, '-' or '_'; execution_name makes one"
            )
        text = _text(data, "input")
        with suppressing("ExecutionAlreadyExists"):
            return self._client.start_execution(stateMachineArn=machine_arn, name=name, input=text)[
                "executionArn"
            ]
        return self.execution_arn(machine_arn, name)

    def start_child(self, machine_arn: str, data: dict[str, Any], parent: Parent) -> str:
        """Start the execution that a parent's state waits for, and return its ARN.

        It finds its parent in its input, as `{"parent": {"execution": …, "state": …}}` and with the
        wait's `key` if it has one. The child gets no token: call `waits.park` first to keep it, or
        call `children.start`, which does both.

        Raises:
            InvalidInputError: the data are not JSON, or name a parent themselves.
            PayloadTooLargeError: the data are larger than 256 KiB.
        """
        if "parent" in data:
            raise InvalidInputError("input.parent", "is the name of the parent; call it otherwise")
        given = {**data, "parent": parent.as_input()}
        return self.start_execution(machine_arn, given, child_name(parent))

    def running(self, machine_arn: str) -> list[str]:
        """Return the names of all running executions of a machine."""
        pages = self._client.get_paginator("list_executions").paginate(
            stateMachineArn=machine_arn, statusFilter="RUNNING"
        )
        return [each["name"] for page in pages for each in page["executions"]]

    def ended(self, execution_arn: str) -> Ended | None:
        """Return how an execution has ended, or None while it runs, or if there is none."""
        found = None
        with suppressing("ExecutionDoesNotExist"):
            found = self._client.describe_execution(executionArn=execution_arn)
        if found is None or (status := found["status"]) in ("RUNNING", "PENDING_REDRIVE"):
            return None
        return Ended(
            status,
            json.loads(found.get("input", "null")),
            found.get("output"),
            _ERRORS.get(status) or found.get("error") or "ChildFailed",
            found.get("cause") or f"{execution_arn} is {status}",
        )

    @staticmethod
    def execution_arn(machine_arn: str, name: str) -> str:
        """Return the ARN of an execution, by its machine's ARN and its name."""
        return f"{machine_arn.replace(':stateMachine:', ':execution:')}:{name}"

    def resume_execution(self, token: str, result: object) -> bool:
        """End a wait with a result; return False if it has ended already.

        The output is `{"Payload": result}`. A state with the OutputPath `$.Payload` expects this
        form, both from a token and from its function.

        Raises:
            InvalidInputError, PayloadTooLargeError: the result is not JSON, or too large.
            InvalidTokenError: this is not a task token of this account and region.
            TokenRefusedError: the token is another machine's, or the role may not end this
                machine's waits.
        """
        return self.send_task_success(token, {"Payload": result})

    def send_task_success(self, token: str, output: object) -> bool:
        """End a wait with an unchanged output; return False if it has ended already.

        Raises:
            InvalidInputError, PayloadTooLargeError: the output is not JSON, or too large.
            InvalidTokenError: this is not a task token of this account and region.
            TokenRefusedError: the token is another machine's, or the role may not end this
                machine's waits.
        """
        text = _text(output, "output")
        return self._send("send_task_success", taskToken=token, output=text)

    def send_task_failure(self, token: str, error: str, cause: str = "") -> bool:
        """End a wait with an error, cut to Step Functions' limits; return False if it has ended.

        Raises:
            InvalidTokenError: this is not a task token of this account and region.
            TokenRefusedError: the token is another machine's, or the role may not end this
                machine's waits.
        """
        error, cause = error[:MAX_ERROR], cause[:MAX_CAUSE]
        return self._send("send_task_failure", taskToken=token, error=error, cause=cause)

    def send_task_heartbeat(self, token: str) -> bool:
        """Send a heartbeat: the work continues. Return False if the wait has ended already.

        Raises:
            InvalidTokenError: this is not a task token of this account and region.
            TokenRefusedError: the token is another machine's, or the role may not end this
                machine's waits.
        """
        return self._send("send_task_heartbeat", taskToken=token)

    @contextmanager
    def heartbeats(self, token: str, every: float) -> Iterator[Beats]:
        """Send a heartbeat every so many seconds while the block runs.

        Use a third of the state's HeartbeatSeconds. Long work reads `is_gone` of the yielded
        object: it is true once the wait has ended. A heartbeat that fails for another reason is
        sent again the next time.
        """
        beats, is_over = Beats(), threading.Event()

        def beat() -> None:
            while not beats.is_gone and not is_over.wait(every):
                try:
                    beats.is_gone = not self.send_task_heartbeat(token)
                except InvalidTokenError:
                    beats.is_gone = True
                except Exception:
                    continue

        thread = threading.Thread(target=beat, daemon=True, name="heartbeats")
        thread.start()
        try:
            yield beats
        finally:
            is_over.set()
            thread.join()

    def _send(self, operation: str, **arguments: str) -> bool:
        if not 0 < len(arguments["taskToken"]) <= MAX_TOKEN_CHARACTERS:
            raise InvalidTokenError(_NO_TOKEN)
        try:
            with suppressing(*WAIT_HAS_ENDED):
                getattr(self._client, operation)(**arguments)
                return True
        except ClientError as error:
            if error_code(error) == "InvalidToken":
                raise InvalidTokenError(_NO_TOKEN) from error
            if error_code(error) == "AccessDeniedException":
                raise TokenRefusedError(
                    "the token is another machine's, or the role may not end waits of its own:"
                    " it needs the state machine's ARN in states:SendTaskSuccess, -Failure and"
                    " -Heartbeat"
                ) from error
            raise
        return False


def _text(value: object, field: str) -> str:
    try:
        text = json.dumps(value, ensure_ascii=False, sort_keys=True, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise InvalidInputError(field, f"is not JSON: {error}") from error
    size = len(text.encode())
    if size > MAX_PAYLOAD_BYTES:
        raise PayloadTooLargeError(
            field, f"has {size} bytes, and at most {MAX_PAYLOAD_BYTES} pass; pass where it is"
        )
    return text
