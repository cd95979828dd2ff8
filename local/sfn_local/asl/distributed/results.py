"""What becomes of the results of a Map Run: the state's output, or files in S3.

Source: Step Functions Developer Guide, "ResultWriter (Map)".
"""

import logging
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import IO, Any

from sfn_local.asl.distributed.batcher import Input
from sfn_local.asl.distributed.inputs import Inputs
from sfn_local.asl.distributed.map_run import MapRun, Outcome
from sfn_local.asl.distributed.reader import explain
from sfn_local.asl.document import MAX_BYTES, Document, Json, byte_size, dumps, loads
from sfn_local.asl.errors import DefinitionError, ResultWriterFailure, SizeFailure, StateFailure
from sfn_local.asl.execution import Execution, Visit, timestamp
from sfn_local.asl.fields import compile_arguments
from sfn_local.asl.services import Services

logger = logging.getLogger(__name__)

PUT_OBJECT = "arn:aws:states:::s3:putObject"
TRANSFORMATIONS = ("NONE", "COMPACT", "FLATTEN")
OUTPUT_TYPES = ("JSON", "JSONL")
GROUPS = ("FAILED", "PENDING", "SUCCEEDED")

LARGEST_FILE = 1024**3
KEPT_IN_MEMORY = 4 * 1024**2


@dataclass(frozen=True, slots=True)
class Format:
    """WriterConfig: what of each child is shown, and how."""

    transformation: str
    output_type: str = "JSON"

    def texts(self, child: Execution) -> Iterator[str]:
        """A child's results as JSON texts; one that has not succeeded is shown whole."""
        output = child.output
        if self.transformation == "NONE" or output is None:
            yield dumps(_described(child))
        elif self.transformation == "FLATTEN" and isinstance(outputs := loads(output), list):
            yield from map(dumps, outputs)
        else:
            yield output


class Results(ABC):
    """The results of one Map Run, as they come in."""

    def __init__(self, format: Format) -> None:  # noqa: A002 - the format
        """No result yet."""
        self.format = format

    @abstractmethod
    def add(self, outcome: Outcome) -> None:
        """A child has ended."""

    @abstractmethod
    def restore(self, outcomes: Iterable[Outcome], *, is_redriven: bool) -> None:
        """Take up those from before a restart, in a redrive what it goes on with."""

    @abstractmethod
    async def finish(self, visit: Visit) -> Document:
        """The state's result.

        Raises:
            StateFailure: it is too large, or cannot be written.
        """

    @abstractmethod
    def redriven(self) -> "Results":
        """Those of a redrive of the Map Run."""

    async def finish_failed(self, visit: Visit, inputs: Inputs) -> None:
        """The Map Run has not succeeded; inputs are those that are left, which are read."""
        with suppress(StateFailure):
            while (each := await inputs.next()) is not None:
                self.add_pending(each)
        try:
            await self.finish(visit)
        except StateFailure as failure:
            logger.warning("%s has no results: %s", visit.state.name, failure.cause)

    @abstractmethod
    def add_pending(self, each: Input) -> None:
        """A child was never started with this input."""


class NoResults(Results):
    """Those of a Map Run whose first child has not started: its writer has not begun."""

    def __init__(self) -> None:
        """No result yet, and none to come."""
        super().__init__(Format("NONE"))

    def add(self, outcome: Outcome) -> None:
        """No child has started."""

    def restore(self, outcomes: Iterable[Outcome], *, is_redriven: bool) -> None:
        """No child had started."""

    def add_pending(self, each: Input) -> None:
        """Nothing is written."""

    def redriven(self) -> "NoResults":
        """The same."""
        return self

    async def finish(self, visit: Visit) -> Document:
        """Nothing has come in.

        Raises:
            LookupError: always.
        """
        raise LookupError(f"the results of {visit.state.name} have not begun")

    async def finish_failed(self, visit: Visit, inputs: Inputs) -> None:
        """Nothing was read, and nothing is written."""


class ResultList(Results):
    """The outputs in the order of the items, as long as all of them fit into a payload."""

    def __init__(self, format: Format) -> None:  # noqa: A002 - the format
        """No result yet."""
        super().__init__(format)
        self._texts: dict[int, str] = {}
        self._unsuccessful: set[int] = set()
        self._bytes = 0

    def add(self, outcome: Outcome) -> None:
        """Keep a child's output, unless there is too much already."""
        if self._bytes > MAX_BYTES:
            self._texts.clear()
            return
        text = ",".join(outcome.texts)
        self._texts[outcome.index] = text
        self._bytes += byte_size(text) + 1
        if outcome.status != "SUCCEEDED":
            self._unsuccessful.add(outcome.index)

    def restore(self, outcomes: Iterable[Outcome], *, is_redriven: bool) -> None:
        """Take up those from before a restart; in a redrive those that succeeded."""
        for outcome in outcomes:
            if outcome.status == "SUCCEEDED" or not is_redriven:
                self.add(outcome)

    def add_pending(self, each: Input) -> None:
        """What was never started has no output."""

    def redriven(self) -> "ResultList":
        """The same, without what did not succeed."""
        for index in self._unsuccessful:
            self._bytes -= byte_size(self._texts.pop(index, "")) + 1
        self._unsuccessful.clear()
        return self

    async def finish_failed(self, visit: Visit, inputs: Inputs) -> None:  # noqa: ARG002
        """Let the inputs that are left be read, and so counted."""
        with suppress(StateFailure):
            while await inputs.next() is not None:
                continue

    async def finish(self, visit: Visit) -> Document:
        """The list of the outputs.

        Raises:
            SizeFailure: it is too large.
        """
        if self._bytes > MAX_BYTES:
            raise SizeFailure(visit.state.name)
        texts = (self._texts[index] for index in sorted(self._texts))
        return Document.parse(f"[{','.join(text for text in texts if text)}]")


class ResultFiles(Results):
    """Files in S3, one group for each outcome, and a manifest that lists them.

    Until the Map Run ends they are temporary files here.
    """

    def __init__(
        self,
        services: Services,
        parameters: dict[str, Json],
        run: MapRun,
        format: Format,  # noqa: A002
    ) -> None:
        """No result yet; those of a redrive go to a folder `Redrive-1` in the Map Run's."""
        super().__init__(format)
        self._services = services
        self._parameters = parameters
        self._bucket = parameters.get("Bucket")
        prefix = str(parameters.get("Prefix") or "").strip("/")
        redrive = f"Redrive-{run.redrive_count}" if run.redrive_count else ""
        self._folder = "/".join(part for part in (prefix, run.name, redrive) if part)
        self._run = run
        self._files: dict[str, list[_File]] = {group: [] for group in GROUPS}

    def check(self) -> None:
        """See that the bucket is there; waits for the network.

        Raises:
            ResultWriterFailure: it is not.
        """
        try:
            self._services.client("s3").head_bucket(Bucket=self._bucket)
        except Exception as error:
            raise ResultWriterFailure(explain(error)) from error

    def add(self, outcome: Outcome) -> None:
        """Write a child's results down."""
        group = "SUCCEEDED" if outcome.status == "SUCCEEDED" else "FAILED"
        for text in outcome.texts:
            self._write(group, text)

    def restore(self, outcomes: Iterable[Outcome], *, is_redriven: bool) -> None:
        """Take up those from before a restart; a redrive has a folder of its own."""
        for outcome in () if is_redriven else outcomes:
            self.add(outcome)

    def add_pending(self, each: Input) -> None:
        """Write down what a child would have received."""
        pending = {
            "Input": each.document.text,
            "InputDetails": {"Included": True},
            "StateMachineArn": self._run.child_machine_arn,
            "Status": "PENDING",
        }
        self._write("PENDING", dumps(pending))

    def redriven(self) -> "ResultFiles":
        """Files in a folder of the redrive's own; those from before stay as they are."""
        return type(self)(self._services, self._parameters, self._run, self.format)

    async def finish(self, visit: Visit) -> Document:
        """Where the manifest is, once all files are written.

        Raises:
            ResultWriterFailure: one of them cannot be written.
        """
        key = await visit.runtime.scheduler.outside(self._upload)
        details = {"Bucket": self._bucket, "Key": key}
        return Document({"MapRunArn": self._run.arn, "ResultWriterDetails": details})

    def _write(self, group: str, text: str) -> None:
        files = self._files[group]
        if not files or files[-1].size > LARGEST_FILE:
            files.append(_File(is_lines=self.format.output_type == "JSONL"))
        files[-1].write(text)

    def _upload(self) -> str:
        try:
            return self._put_all(self._services.client("s3"))
        except Exception as error:
            raise ResultWriterFailure(explain(error)) from error

    def _put_all(self, client: Any) -> str:
        ending = self.format.output_type.lower()
        listed: dict[str, Json] = {}
        for group, files in self._files.items():
            listed[group] = []
            for number, file in enumerate(files):
                key = f"{self._folder}/{group}_{number}.{ending}"
                client.put_object(Bucket=self._bucket, Key=key, Body=file.read())
                listed[group].append({"Key": key, "Size": file.size})
        manifest = {
            "DestinationBucket": self._bucket,
            "MapRunArn": self._run.arn,
            "ResultFiles": listed,
        }
        key = f"{self._folder}/manifest.json"
        text = dumps(manifest).encode()
        client.put_object(Bucket=self._bucket, Key=key, Body=text, ContentType="application/json")
        return key


class MockedFiles(ResultFiles):
    """Files of a Map that a test case answers for: named as they would be, and not written."""

    def check(self) -> None:
        """No bucket is needed."""

    def _upload(self) -> str:
        return f"{self._folder}/manifest.json"


class _File:
    """A list of JSON texts on its way to S3."""

    def __init__(self, *, is_lines: bool) -> None:
        self._file: IO[bytes] = tempfile.SpooledTemporaryFile(  # noqa: SIM115 - read() hands it over
            KEPT_IN_MEMORY
        )
        self._is_lines = is_lines
        self.size = 0

    def write(self, text: str) -> None:
        """Add a text."""
        separator = "" if self._is_lines else "," if self.size else "["
        self._put(separator + text + ("\n" if self._is_lines else ""))

    def read(self) -> IO[bytes]:
        """The file from its start, complete."""
        self._put("" if self._is_lines else "]")
        self._file.seek(0)
        return self._file

    def _put(self, text: str) -> None:
        self.size += self._file.write(text.encode())


class ResultWriter:
    """The ResultWriter field of a Map state, or the lack of one."""

    def __init__(self, state: dict[str, Json]) -> None:
        """Compile it.

        Raises:
            DefinitionError: it is not well formed.
        """
        writer = state.get("ResultWriter", {})
        if not isinstance(writer, dict) or ("ResultWriter" in state and not writer):
            message = "ResultWriter must be an object with WriterConfig, or Resource and Parameters"
            raise DefinitionError(message, "/ResultWriter")
        exports = "Resource" in writer
        if exports and writer["Resource"] != PUT_OBJECT:
            raise DefinitionError(f"Resource must be {PUT_OBJECT}", "/ResultWriter/Resource")
        self._format = _compile_format(writer, "NONE" if exports else "COMPACT")
        self._arguments = None
        if exports:
            self._arguments = compile_arguments(state, writer, "/ResultWriter")

    async def begin(self, visit: Visit, document: Document, run: MapRun) -> Results:
        """The results of one Map Run.

        Raises:
            StateFailure: a path leads nowhere, or the bucket is not there.
        """
        if self._arguments is None:
            return ResultList(self._format)
        parameters = self._arguments(visit, document)
        mocks = visit.line.execution.mocks
        is_mocked = mocks is not None and visit.state.name in mocks.states
        kind = MockedFiles if is_mocked else ResultFiles
        files = kind(visit.runtime.services, parameters, run, self._format)
        await visit.runtime.scheduler.outside(files.check)
        return files


def _compile_format(writer: dict[str, Json], default: str) -> Format:
    config = writer.get("WriterConfig", {})
    pointer = "/ResultWriter/WriterConfig"
    if not isinstance(config, dict):
        raise DefinitionError("WriterConfig must be an object", pointer)
    transformation = config.get("Transformation", default)
    if transformation not in TRANSFORMATIONS:
        message = f"Transformation must be one of {', '.join(TRANSFORMATIONS)}"
        raise DefinitionError(message, f"{pointer}/Transformation")
    output_type = config.get("OutputType", "JSON")
    if output_type not in OUTPUT_TYPES:
        message = f"OutputType must be one of {', '.join(OUTPUT_TYPES)}"
        raise DefinitionError(message, f"{pointer}/OutputType")
    return Format(transformation, output_type)


def _described(child: Execution) -> dict[str, Json]:
    """A child as DescribeExecution shows it, in the words of the files."""
    described: dict[str, Json] = {
        "ExecutionArn": child.arn,
        "Input": child.input.text,
        "InputDetails": {"Included": True},
        "Name": child.name,
        "RedriveCount": child.redrive_count,
        "StartDate": timestamp(child.started),
        "StateMachineArn": child.machine.arn,
        "Status": child.status,
        "StopDate": timestamp(child.stopped or child.started),
        **{f"{name[:1].upper()}{name[1:]}": text for name, text in child.redrive_status().items()},
    }
    if child.output is not None:
        described |= {"Output": child.output, "OutputDetails": {"Included": True}}
    reasons = {"Error": child.error, "Cause": child.cause}
    described |= {name: text for name, text in reasons.items() if text is not None}
    return dict(sorted(described.items()))
