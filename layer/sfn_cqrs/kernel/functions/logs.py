"""The logger of every function: JSON, and never a task token, a secret or an address."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any

from aws_lambda_powertools import Logger

from sfn_cqrs import bootstrap  # also sets the variables that the logger reads
from sfn_cqrs.kernel.functions.context import LambdaHandler
from sfn_cqrs.kernel.masking import masked_line

FINISHED, SWEPT = "state finished", "swept"
"""The lines of a state, and of a sweep, in which all went well: most of a log."""
REQUEST, COLD, TRACE = "function_request_id", "cold_start", "xray_trace_id"
_cold = iter([True])
"""Has an element until this environment's first invocation begins."""


@contextmanager
def logged_as(**names: object) -> Iterator[None]:
    """Add these fields to every line that this thread logs in the block."""
    logger.thread_safe_append_keys(**names)
    try:
        yield
    finally:
        logger.thread_safe_remove_keys(names)


def naming_request(handler: LambdaHandler) -> LambdaHandler:
    """Return a handler whose log lines name Lambda's request, as Lambda's own lines do.

    The first line of an environment's first invocation also says so.
    """

    @wraps(handler)
    def lambda_handler(event: dict[str, Any], lambda_context: Any) -> Any:
        names = {REQUEST: getattr(lambda_context, "aws_request_id", None)}
        if next(_cold, False):
            names[COLD] = True
        with logged_as(**names):
            return handler(event, lambda_context)

    return lambda_handler


def _line(record: dict[str, Any]) -> str:
    """Return the log line as JSON.

    The texts are masked before: JSON's escapes would cut a secret in two.

    Logs are paid for by the byte. So a line that says that all is well leaves out its place in the
    code, and a trace that X-Ray has not kept; that of a state or a sweep leaves out Lambda's
    request, since Lambda logs nothing of one that went well.
    """
    if record["level"] == "INFO":
        record.pop("location", None)
    if record.get(COLD):
        logger.thread_safe_remove_keys([COLD])
    elif record["message"] in (FINISHED, SWEPT):
        record.pop(REQUEST, None)
    here = bootstrap.tracer().here()
    record.pop(TRACE, None)
    if here is not None and here.is_sampled:
        record[TRACE] = here.root
    tenant = record.get("tenant")
    known = tenant if isinstance(tenant, str) else None
    return json.dumps(
        _clean(record, known),
        default=lambda each: masked_line(str(each), known),
        ensure_ascii=False,
        separators=(",", ":"),
    )


def _clean(value: Any, tenant: str | None) -> Any:
    match value:
        case str():
            return masked_line(value, tenant)
        case dict():
            return {name: _clean(each, tenant) for name, each in value.items()}
        case list() | tuple():
            return [_clean(each, tenant) for each in value]
        case _:
            return value


logger = Logger(use_rfc3339=True, json_serializer=_line)
"""Writes a line of JSON; a keyword is a field. Never give it attributes, tokens or secrets."""
