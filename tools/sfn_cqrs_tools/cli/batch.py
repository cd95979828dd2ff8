"""publish --batch: commands of a file, a hundred to a request."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from http import HTTPStatus
from itertools import islice
from typing import Any, Final, TextIO

import click

from sfn_cqrs_tools.cli import FAILED_ROWS
from sfn_cqrs_tools.client.api import Api
from sfn_local.cli.command import DONE, print_json
from sfn_local.cli.showing import echo

A_REQUEST: Final = 100


def publish_batch(api: Api, file: TextIO, *, as_json: bool) -> int:
    """Publish each line; return the exit code, which says whether all were taken.

    A line's own text is sent, so that numbers keep their digits. A line without an idempotency key
    gets one, because a request whose answer is lost is sent again.
    """
    lines = enumerate((line.strip() for line in file), start=1)
    commands = ((number, _checked(number, line)) for number, line in lines if line)
    results: list[dict[str, Any]] = []
    for group in _groups(commands):
        body = ",".join(line for _, line in group)
        answer = api.post("/commands/batch", f'{{"commands": [{body}]}}')
        for (number, _), result in zip(group, answer["results"], strict=True):
            results.append({"line": number, **result})
            if not as_json:
                echo(_told(number, result))
    if as_json:
        print_json(results)
    return FAILED_ROWS if any(map(_is_refused, results)) else DONE


def _checked(number: int, line: str) -> str:
    try:
        value = json.loads(line)
    except ValueError as error:
        raise click.UsageError(f"line {number} is not JSON: {error}") from error
    if not isinstance(value, dict):
        raise click.UsageError(f"line {number} must be a JSON object")
    if not value or "idempotencyKey" in value:
        return line
    return f'{line[:-1]}, "idempotencyKey": "{uuid.uuid4().hex}"}}'


def _groups(commands: Iterator[tuple[int, str]]) -> Iterator[list[tuple[int, str]]]:
    while group := list(islice(commands, A_REQUEST)):
        yield group


def _is_refused(result: dict[str, Any]) -> bool:
    return int(result["status"]) >= HTTPStatus.BAD_REQUEST


def _told(number: int, result: dict[str, Any]) -> str:
    if _is_refused(result):
        problem = result["problem"]
        return (
            f"line {number}: {problem.get('code')}: {problem.get('detail', problem.get('title'))}"
        )
    return f"line {number}: {result['type']} {result['code']} version {result['version']}"
