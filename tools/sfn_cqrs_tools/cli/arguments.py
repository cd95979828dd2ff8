"""What an argument gives: its text, or @FILE that has it, or @- for standard input."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import click


def read_text(text: str, argument: str) -> str:
    """Read what an argument gives."""
    if text == "@-":
        return sys.stdin.read()
    if not text.startswith("@"):
        return text
    try:
        return Path(text[1:]).read_text(encoding="utf-8")
    except OSError as error:
        raise click.UsageError(f"{argument}: {error}") from error


def read_json(text: str, argument: str) -> Any:
    """Read the JSON that an argument gives."""
    return parsed(read_text(text, argument), argument)


def parsed(text: str, argument: str) -> Any:
    """Parse the JSON that an argument has given."""
    try:
        return json.loads(text)
    except ValueError as error:
        raise click.UsageError(f"{argument} is not JSON: {error}") from error
