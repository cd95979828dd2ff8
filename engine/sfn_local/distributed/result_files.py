"""The results of a Map Run that exports them: files in S3, and a manifest.

Source: Step Functions Developer Guide, "ResultWriter (Map)".
"""

import tempfile
from collections.abc import Iterable
from typing import IO, Any

from sfn_local.calls.services import Services
from sfn_local.distributed.batcher import Input
from sfn_local.distributed.reader import explain
from sfn_local.distributed.results import Format, Results
from sfn_local.document import Document, Json, dumps
from sfn_local.errors import ResultWriterFailure
from sfn_local.executions.line import Visit
from sfn_local.executions.map_run import MapRun
from sfn_local.executions.map_runs import Outcome

GROUPS = ("FAILED", "PENDING", "SUCCEEDED")
LARGEST_FILE = 1024**3
KEPT_IN_MEMORY = 4 * 1024**2


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
