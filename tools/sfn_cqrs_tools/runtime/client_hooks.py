"""Hooks that boto3 clients made from now on call for their events."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import boto3
from botocore import handlers

Hooks = Sequence[tuple[str, Callable[..., Any]] | tuple[str, Callable[..., Any], object]]


def hook(hooks: Hooks) -> None:
    """Install the hooks."""
    handlers.BUILTIN_HANDLERS.extend(hooks)
    boto3.DEFAULT_SESSION = None  # it took its handlers when it was made


def unhook(hooks: Hooks) -> None:
    """Remove the hooks for clients made from now on."""
    for one in hooks:
        handlers.BUILTIN_HANDLERS.remove(one)
    boto3.DEFAULT_SESSION = None
