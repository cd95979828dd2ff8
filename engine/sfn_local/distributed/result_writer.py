"""The ResultWriter field of a Map state.

Source: Step Functions Developer Guide, "ResultWriter (Map)".
"""

from sfn_local.dataflow.fields import choice_in, compile_arguments
from sfn_local.distributed.result_files import MockedFiles, ResultFiles
from sfn_local.distributed.results import Format, ResultList, Results
from sfn_local.document import Document, Json
from sfn_local.errors import DefinitionError
from sfn_local.executions.line import Visit
from sfn_local.executions.map_run import MapRun

PUT_OBJECT = "arn:aws:states:::s3:putObject"
TRANSFORMATIONS = ("NONE", "COMPACT", "FLATTEN")
OUTPUT_TYPES = ("JSON", "JSONL")


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
    return Format(
        choice_in(config, "Transformation", TRANSFORMATIONS, pointer, default),
        choice_in(config, "OutputType", OUTPUT_TYPES, pointer),
    )
