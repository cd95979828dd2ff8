"""The sweep: every five minutes, and when an execution ends other than well.

It finds what no event will move any more: a lost start, an execution that died without its
Catch, a publisher that died, a wake that was lost. What only queues is left alone.
"""

import json
from typing import Any

from aws_lambda_powertools.metrics import MetricUnit, single_metric

from sfn_cqrs.domain import chain
from sfn_cqrs.domain.keys import ApprovalRef, CommandRef, ImportKey, SagaRef, TaskRef, ZipRef
from sfn_cqrs.service.chain import Chain
from sfn_cqrs.service.import_sweep import sweep_import
from sfn_cqrs.service.logs import logger
from sfn_cqrs.service.sweep import (
    Report,
    sweep,
    sweep_approvals,
    sweep_ended_approval,
    sweep_ended_saga,
    sweep_ended_task,
    sweep_imports,
    sweep_sagas,
    sweep_tasks,
    sweep_zips,
)
from sfn_cqrs.service.zip_sweep import sweep_ended_zip


def lambda_handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Sweep what an execution that has ended worked on, or all that has been open for long."""
    if event.get("detail-type") == "Step Functions Execution Status Change":
        done = _sweep_one(json.loads(event["detail"]["input"]))
        logger.info("swept one", sweep=done, execution=event["detail"]["name"])
        return {done: 1}
    remaining_ms = context.get_remaining_time_in_millis
    commands = _told("OldestOpenCommandAge", sweep(remaining_ms))
    tasks = _told("OldestOpenTaskAge", sweep_tasks(remaining_ms))
    sagas = _told("OldestOpenSagaAge", sweep_sagas(remaining_ms))
    imports = _told("OldestOpenImportAge", sweep_imports(remaining_ms))
    approvals = _told("OldestOpenApprovalAge", sweep_approvals(remaining_ms))
    zips = _told("OldestOpenZipImportAge", sweep_zips(remaining_ms))
    return {
        **commands.done,
        **{f"task_{done}": count for done, count in tasks.done.items()},
        **{f"import_{done}": count for done, count in imports.done.items()},
        **{f"saga_{done}": count for done, count in sagas.done.items()},
        **{f"approval_{done}": count for done, count in approvals.done.items()},
        **{f"zip_{done}": count for done, count in zips.done.items()},
    }


def _sweep_one(execution_input: dict[str, Any]) -> str:
    if "saga" in execution_input:
        return sweep_ended_saga(SagaRef.from_input(execution_input))
    if str(execution_input.get("id", "")).startswith("c-"):
        return sweep_import(ImportKey.from_input(execution_input))
    if str(execution_input.get("id", "")).startswith("a-"):
        return sweep_ended_approval(ApprovalRef.from_input(execution_input))
    if str(execution_input.get("id", "")).startswith("z-"):
        return sweep_ended_zip(ZipRef.from_input(execution_input))
    if "id" in execution_input:
        return sweep_ended_task(TaskRef.from_input(execution_input))
    ref = CommandRef.from_input(execution_input)
    return Chain(ref.key).run(chain.sweep(ref.version))


def _told(metric: str, report: Report) -> Report:
    with single_metric(name=metric, unit=MetricUnit.Seconds, value=report.oldest_age):
        pass
    logger.info("swept", metric=metric, sweep=report.done, oldest_open_seconds=report.oldest_age)
    return report
