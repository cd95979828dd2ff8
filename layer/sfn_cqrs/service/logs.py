"""The logger of every function: JSON, and never a task token, a secret or an address."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from aws_lambda_powertools import Logger

from sfn_cqrs import bootstrap  # also sets the variables that the logger reads
from sfn_cqrs.domain.masking import masked_line


@contextmanager
def logged_as(**names: object) -> Iterator[None]:
    """Add these fields to every line that this thread logs in the block."""
    logger.thread_safe_append_keys(**names)
    try:
        yield
    finally:
        logger.thread_safe_clear_keys()


def _line(record: dict[str, Any]) -> str:
    """Return the log line as JSON.

    The texts are masked before: JSON's escapes would cut a secret in two.

    Logs are paid for by the byte. So a line that says that all is well leaves out its place in the
    code, and a trace that X-Ray has not kept.
    """
    if record["level"] == "INFO":
        record.pop("location", None)
    here = bootstrap.tracer().here()
    if here is None or not here.is_sampled:
        record.pop("xray_trace_id", None)
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
