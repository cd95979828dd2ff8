"""docs/limits.md against the code."""

import re
from datetime import timedelta

import pytest
from tests.template.stack import ROOT

from sfn_cqrs.care.repairs import rules as repairs
from sfn_cqrs.kernel import command, keys, request, unique, values
from sfn_cqrs.kernel.http import http, operation
from sfn_cqrs.kernel.tables import paging
from sfn_cqrs.machines.approval import types as approvals
from sfn_cqrs.machines.command import schemas, together
from sfn_cqrs.machines.import_csv import direct
from sfn_cqrs.machines.import_csv import job as files
from sfn_cqrs.machines.import_csv.csv import header, rows
from sfn_cqrs.machines.saga import declaring
from sfn_cqrs.machines.saga import rules as sagas
from sfn_cqrs.machines.schedule import rules as plans
from sfn_cqrs.machines.task import rules as tasks
from sfn_cqrs.machines.task import types as task_types
from sfn_cqrs.machines.workflow import executions
from sfn_cqrs.machines.zip_orchestrator import directory
from sfn_cqrs.machines.zip_orchestrator import job as archives

PAGE = (ROOT / "docs/limits.md").read_text(encoding="utf-8")
SIZES = {"KiB": 1024, "MiB": 1024**2, "GiB": 1024**3, "days": 86_400}
LIMITS = {
    "a type's code": keys.MAX_CODE_BYTES,
    "an item's name": command.MAX_NAME_CHARACTERS,
    "the attributes of a version": command.MAX_ATTRIBUTES_BYTES,
    "nesting of attributes": values.MAX_DEPTH,
    "versions of an item": keys.MAX_VERSION,
    "a request to the API": http.MAX_BODY_BYTES,
    "commands in a batch": schemas.MAX_BATCH,
    "`wait=`": operation.MAX_WAIT,
    "an Idempotency-Key": request.MAX_KEY_CHARACTERS,
    "rows on a page of a list": paging.MAX_LIMIT,
    "items of a task": tasks.MAX_ITEMS,
    "an item's input, of a task": tasks.MAX_ITEM_BYTES,
    "an item's result, of a task": tasks.MAX_RESULT_BYTES,
    "a task's input": tasks.MAX_INPUT_BYTES,
    "a task handler's `timeout`": task_types.MAX_TIMEOUT,
    "a task handler's `concurrency`": task_types.MAX_CONCURRENCY,
    "a file of rows": files.MAX_FILE_BYTES,
    "rows of a file": files.MAX_ROWS,
    "columns of a file": header.MAX_COLUMNS,
    "a row of a file": rows.MAX_ROW_BYTES,
    "rows in one request": direct.MAX_DIRECT_ROWS,
    "files of an archive": directory.MAX_ENTRIES,
    "an archive, unpacked": archives.MAX_TOTAL_BYTES,
    "steps of a saga": sagas.MAX_STEPS,
    "parts of a declared saga": sagas.MAX_PARTS,
    "a saga's input": sagas.MAX_INPUT_BYTES,
    "a saga's pauses, together": declaring.MAX_PAUSE,
    "a step's time for a try": sagas.MAX_SECONDS,
    "the time to decide an approval": approvals.MAX_TIME,
    "unique values of a type": unique.MOST,
    "versions published together": together.MOST,
    "approvers of an approval": approvals.MAX_APPROVERS,
    "a planned version": plans.MAX_CONTENT_BYTES,
    "a repair's list": repairs.MAX_ENTRIES,
    "an own workflow's input, and what ends a wait": executions.MAX_PAYLOAD_BYTES,
}


def shown() -> dict[str, str]:
    """Return the limit of each row of the page."""
    return dict(re.findall(r"^\| ([^|]+?) \| (\d[^|]*?) \|$", PAGE, re.MULTILINE))


def test_the_page_has_these_limits() -> None:
    assert shown().keys() == LIMITS.keys()


@pytest.mark.parametrize(("what", "limit"), LIMITS.items())
def test_a_limit_is_the_codes(what: str, limit: int | timedelta) -> None:
    number, unit = re.match(r"([\d,]+) ?(\w*)", shown()[what]).groups()
    told = int(number.replace(",", "")) * SIZES.get(unit, 1)

    assert told == (limit.total_seconds() if isinstance(limit, timedelta) else limit)
