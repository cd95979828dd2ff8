"""Hooks that boto3 clients made from now on call for their events."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

Hooks = Sequence[tuple[str, Callable[..., Any]] | tuple[str, Callable[..., Any], object]]


class Hooked:
    """Takes part in the calls of the boto3 clients that are made between `start` and `stop`."""

    _hooks: Hooks = ()

    def start(self) -> None:
        """Take part in the calls of clients made from now on."""
        hook(self._hooks)

    def stop(self) -> None:
        """Leave clients made from now on alone."""
        unhook(self._hooks)


def hook(hooks: Hooks) -> None:
    """Install the hooks."""
    import boto3  # noqa: PLC0415 - it takes 0.3 s
    from botocore import handlers  # noqa: PLC0415

    handlers.BUILTIN_HANDLERS.extend(hooks)
    boto3.DEFAULT_SESSION = None  # it took its handlers when it was made


def unhook(hooks: Hooks) -> None:
    """Remove the hooks for clients made from now on."""
    import boto3  # noqa: PLC0415
    from botocore import handlers  # noqa: PLC0415

    for one in hooks:
        handlers.BUILTIN_HANDLERS.remove(one)
    boto3.DEFAULT_SESSION = None
