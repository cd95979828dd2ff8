"""What a Catch, or a refusal, says of a failure, and where in the user's code an error arose."""

import json
import re
import traceback
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby, zip_longest
from pathlib import Path

from sfn_cqrs.kernel.masking import masked

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
    "Lambda.ResourceNotReadyException",  # from here on: in a VPC
    "Lambda.ENINotReadyException",
    "Lambda.ENILimitReachedException",
    "Lambda.SubnetIPAddressLimitReachedException",
    "Lambda.EC2ThrottledException",
    "Lambda.EC2UnexpectedException",
)
"""AWS's bad day, by the names that a machine's first Retry has; it waits for half an hour."""

PASSING_ERRORS = (
    *BUSY_ERRORS,
    "Lambda.Unknown",
    "Sandbox.Timedout",
    "Runtime.ExitError",
    "States.Timeout",
    "NotYetError",
)
"""Errors that another try may cure, if there is time for one."""

MAX_FRAMES = 5
MAX_LINE = 200
MAX_CHAIN = 3
_FRAMEWORK = f"{Path(__file__).parents[1]}/"
_LIBRARY = re.compile(
    r"^<|/(site-packages|dist-packages|python3\.\d+|aws_lambda_powertools|boto3|botocore|sfn_cqrs_tools|\.framework)/"
)
_FRAME = re.compile(
    r' *File "(?P<file>[^"\n]*)",? [Ll]ine (?P<line>\d+)(, in (?P<function>[^\n]*))?'
)


@dataclass(frozen=True, slots=True)
class Frame:
    """A line of code that an error came through; the source is empty where nobody has it."""

    file: str
    line: int
    function: str
    source: str = ""

    @classmethod
    def parsed(cls, text: str) -> "Frame | None":
        """Read what a traceback prints of a frame, in one or two lines; None for other text."""
        found = _FRAME.match(text)
        if found is None:
            return None
        source = text[found.end() :].strip().partition("\n")[0].strip()
        return cls(found["file"], int(found["line"]), found["function"] or "", source)

    @property
    def is_own(self) -> bool:
        """Whether the user wrote it, and not the framework, Python or a library."""
        return not self.file.startswith(_FRAMEWORK) and not _LIBRARY.search(self.file)

    def __str__(self) -> str:
        """As Python's traceback has it, so that editors find the line."""
        place = f'  File "{self.file}", line {self.line}'
        if self.function:
            place += f", in {self.function}"
        return f"{place}\n    {self.source[:MAX_LINE]}" if self.source else place


def place_of(error: BaseException) -> str:
    """Where the user's code raised, in short: `orders.py, line 17`; empty if it did not."""
    frames = _frames(error)
    return f"{Path(frames[-1].file).name}, line {frames[-1].line}" if frames else ""


def lines_of(error: BaseException) -> list[str]:
    """The lines of the user's code that raised, as a traceback has them: source, no values."""
    return [str(frame) for frame in _frames(error)]


def trace_of(error: BaseException) -> str:
    """The lines of the user's code that an error and its causes came through.

    Source alone, no values; the framework's frames are left out. Empty if there are none.
    """
    lines = lines_of(error)
    for cause in _causes(error):
        frames = _frames(cause)
        if frames:
            reason = f"{type(cause).__name__}: {cause}"[:MAX_LINE].splitlines()[0]
            lines += [f"caused by {reason}", *map(str, frames)]
    return "\n".join(lines)


def _causes(error: BaseException) -> Iterator[BaseException]:
    for _ in range(MAX_CHAIN):
        hidden = error.__suppress_context__
        cause = error.__cause__ or (None if hidden else error.__context__)
        if cause is None:
            return
        yield cause
        error = cause


def _frames(error: BaseException) -> list[Frame]:
    summary = traceback.extract_tb(error.__traceback__)
    frames = [Frame(one.filename, one.lineno or 0, one.name, one.line or "") for one in summary]
    if isinstance(error, SyntaxError) and error.filename:
        source = (error.text or "").strip()
        frames.append(Frame(error.filename, error.lineno or 0, "", source))
    return _own(frames)


def _own(frames: Iterable[Frame]) -> list[Frame]:
    """Return the last of the user's frames that follow each other, below a function of ours.

    A comprehension has no frame of its own if it is on the line that runs it.
    """
    runs = [list(run) for is_own, run in groupby(frames, lambda one: one.is_own) if is_own]
    last: list[Frame] = []
    for one in runs[-1] if runs else []:
        if not (last and one.function.startswith("<") and one.line == last[-1].line):
            last.append(one)
    return last[-MAX_FRAMES:]


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
    def is_passing(self) -> bool:
        """Whether another try, by a machine that has the time for it, may cure it."""
        return self.error in PASSING_ERRORS

    @property
    def state(self) -> str | None:
        """The state that failed, where the error tells: sync_data writes no status."""
        return "sync_data" if self.error == "SyncHandlerError" else None

    @property
    def summary(self) -> str:
        """The cause for an operator, masked: the message, then the lines of the user's code.

        An error in our own code keeps its whole stack trace.
        """
        try:
            details = json.loads(self.cause)
            message, trace = details["errorMessage"], list(details.get("stackTrace", ()))
        except (ValueError, TypeError, KeyError):
            return masked(self.cause)[:MAX_SUMMARY]
        tells_already = any(map(Frame.parsed, str(message).splitlines()))
        lines = [message, *([] if tells_already else folded(trace) or trace)]
        return masked("\n".join(str(line).rstrip() for line in lines))[:MAX_SUMMARY]


def first_line(cause: str) -> str:
    """Return the cause for members: its first line, without the stack trace."""
    return cause.partition("\n")[0]


def folded(trace: Iterable[object]) -> list[Frame]:
    """The user's frames of a traceback's text, whole or frame by frame."""
    return _own([frame for text in trace for frame in _parsed(str(text))])


def _parsed(text: str) -> Iterator[Frame]:
    lines = text.splitlines()
    for line, below in zip_longest(lines, lines[1:], fillvalue=""):
        if frame := Frame.parsed(line if _FRAME.match(below) else f"{line}\n{below}"):
            yield frame
