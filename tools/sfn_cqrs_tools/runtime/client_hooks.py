"""What is called for an event of the boto3 clients that are made from now on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import boto3
from botocore import handlers

Hooks = Sequence[tuple[str, Callable[..., Any]]]


def hook(hooks: Hooks) -> None:
    """Have them called."""
    handlers.BUILTIN_HANDLERS.extend(hooks)
    boto3.DEFAULT_SESSION = None  # it took its handlers when it was made


def unhook(hooks: Hooks) -> None:
    """Let clients made from now on be."""
    for one in hooks:
        handlers.BUILTIN_HANDLERS.remove(one)
    boto3.DEFAULT_SESSION = None
