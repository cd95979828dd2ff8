"""EXPRESS machines: their limits, and the log of their executions.

Sources: Step Functions Developer Guide, "Choosing workflow type in Step Functions", "Using
CloudWatch Logs to log execution history in Step Functions".
"""

import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sfn_local.document import Json
from sfn_local.errors import DefinitionError
from sfn_local.executions.execution import Execution
from sfn_local.language.catalogue import CALLBACK, SYNC

logger = logging.getLogger(__name__)

LONGEST_SECONDS = 300.0
BILLED_STEP, BILLED_MEMORY = 100, 64
ACTIVITY = ":activity:"
MOST_BYTES = 16 * 1024 * 1024


def check_express(definition: Json) -> None:
    """See that a definition is one of an EXPRESS machine.

    Raises:
        DefinitionError: a task waits for a token, a job or an activity, or a Map is distributed.
    """
    for pointer, state in _states(definition, ""):
        resource = str(state.get("Resource", ""))
        for pattern in (CALLBACK, SYNC):
            if resource.partition(":::")[2].partition(".")[2].startswith(pattern[1:]):
                message = f"Express state machine does not support '{pattern}' service integration"
                blank = " " if pattern == CALLBACK else ""  # AWS's text has one
                raise DefinitionError(f"{message}{blank}", f"{pointer}/Resource")
        if resource.startswith("arn:") and ACTIVITY in resource:
            message = "Express state machine does not support Activity ARN"
            raise DefinitionError(message, f"{pointer}/Resource")
        config = (state.get("ItemProcessor") or {}).get("ProcessorConfig", {})
        if config.get("Mode") == "DISTRIBUTED":
            message = "Express state machine does not support Distributed Map"
            raise DefinitionError(message, f"{pointer}/ItemProcessor/ProcessorConfig/Mode")


class ExpressLog:
    """The histories of EXPRESS executions in a file, one event a line, as CloudWatch shows them.

    A file that has grown too large is put aside as `.old`, in the place of the one before.
    """

    def __init__(self, path: Path) -> None:
        """Lines are added to the file."""
        self._path = path

    def write(self, execution: Execution) -> None:
        """Add the events of an execution that has ended; it ends also where no log can be."""
        try:
            if self._path.exists() and self._path.stat().st_size > MOST_BYTES:
                self._path.replace(self._path.with_suffix(".old"))
            with self._path.open("a", encoding="utf-8") as file:
                file.writelines(f"{json.dumps(event)}\n" for event in _logged(execution))
        except OSError as error:
            logger.warning("%s is not logged: %s", execution.arn, error)


def billing(execution: Execution) -> dict[str, int]:
    """The billingDetails of an ended execution: started tenths of a second, and 64 MB."""
    seconds = (execution.stopped or execution.started) - execution.started
    steps = max(1, -int(-seconds * 1000 // BILLED_STEP))
    return {
        "billedDurationInMilliseconds": steps * BILLED_STEP,
        "billedMemoryUsedInMB": BILLED_MEMORY,
    }


def _logged(execution: Execution) -> Iterator[dict[str, Any]]:
    for event in execution.history.events():
        yield {
            "id": str(event.number),
            "type": event.type,
            "details": event.details or {},
            "previous_event_id": str(event.previous),
            "event_timestamp": str(round(event.moment * 1000)),
            "execution_arn": execution.arn,
            "redrive_count": "0",
        }


def _states(definition: Json, pointer: str) -> Iterator[tuple[str, dict[str, Json]]]:
    """Each state of a definition, inline ones included, with where it stands."""
    states = definition.get("States") if isinstance(definition, dict) else None
    for name, state in states.items() if isinstance(states, dict) else ():
        if not isinstance(state, dict):
            continue
        at = f"{pointer}/States/{name}"
        yield at, state
        for field in ("ItemProcessor", "Iterator"):
            yield from _states(state.get(field), f"{at}/{field}")
        branches = state.get("Branches")
        for number, branch in enumerate(branches if isinstance(branches, list) else ()):
            yield from _states(branch, f"{at}/Branches/{number}")
