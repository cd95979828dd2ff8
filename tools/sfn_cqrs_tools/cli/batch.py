"""publish --batch and --together: commands of a file, a hundred to a request or all in one."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from http import HTTPStatus
from itertools import islice
from typing import Any, Final, TextIO

import click

from sfn_cqrs_tools.cli import FAILED_ROWS
from sfn_cqrs_tools.client.api import Api, ApiProblem, idempotent
from sfn_cqrs_tools.terminal.printing import print_answer
from sfn_local.cli.command import DONE, print_json
from sfn_local.cli.showing import echo

A_REQUEST: Final = 100


def publish_file(
    api: Api, batch: TextIO | None, together: TextIO | None, key: str | None, *, as_json: bool
) -> int:
    """Publish the commands of one of two files; return the exit code."""
    if batch is not None:
        return publish_batch(api, batch, as_json=as_json)
    if together is not None:
        publish_together(api, together, key, as_json=as_json)
    return DONE


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


def publish_together(api: Api, file: TextIO, key: str | None, *, as_json: bool) -> None:
    """Publish all lines in one decision; a refusal names the line."""
    lines = [(number, line.strip()) for number, line in enumerate(file, start=1) if line.strip()]
    for number, line in lines:
        _value(number, line)
    body = ",".join(line for _, line in lines)
    try:
        answer = api.post(
            "/commands/together", f'{{"commands": [{body}]}}', idempotent(key or uuid.uuid4().hex)
        )
    except ApiProblem as problem:
        index = problem.document.get("index")
        if index is None:
            raise
        raise problem.hinted(
            f"nothing is published: line {lines[index][0]} is refused"
        ) from problem
    told = (f"{one['type']} {one['code']} version {one['version']}" for one in answer["results"])
    print_answer(answer, "\n".join(told), as_json=as_json)


def _value(number: int, line: str) -> dict[str, Any]:
    try:
        value = json.loads(line)
    except ValueError as error:
        raise click.UsageError(f"line {number} is not JSON: {error}") from error
    if not isinstance(value, dict):
        raise click.UsageError(f"line {number} must be a JSON object")
    return value


def _checked(number: int, line: str) -> str:
    value = _value(number, line)
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
