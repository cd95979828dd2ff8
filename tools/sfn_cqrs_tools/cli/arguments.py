"""The value of an argument: its text, or the content of @FILE, or @- for standard input."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import click

from sfn_local.words import refused


def read_text(text: str, argument: str) -> str:
    """Return the text that an argument gives."""
    if text == "@-":
        return sys.stdin.read()
    if not text.startswith("@"):
        return text
    try:
        return Path(text[1:]).read_text(encoding="utf-8")
    except OSError as error:
        raise click.UsageError(f"{argument}: {refused(error)}") from error


def read_json(text: str, argument: str) -> Any:
    """Return the JSON that an argument gives."""
    return parsed(read_text(text, argument), argument)


def parsed(text: str, argument: str) -> Any:
    """Return the parsed JSON of an argument's text."""
    try:
        return json.loads(text)
    except ValueError as error:
        raise click.UsageError(f"{argument} is not JSON: {error}") from error
