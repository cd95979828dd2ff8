"""The environment that a stack gives to the functions in its process."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from sfn_cqrs_tools.runtime.fabric import CREDENTIALS
from sfn_cqrs_tools.runtime.listening import HOST


def isolated() -> dict[str, str | None]:
    """Return the environment that keeps out the user's own AWS account and any proxy."""
    exempt = ",".join(filter(None, (os.environ.get("no_proxy"), HOST)))
    return {
        **CREDENTIALS,
        "AWS_PROFILE": None,
        "AWS_DEFAULT_PROFILE": None,
        "AWS_SESSION_TOKEN": None,
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "no_proxy": exempt,
        "NO_PROXY": exempt,
    }


@contextmanager
def environment(changes: Mapping[str, str | None]) -> Iterator[None]:
    """Change os.environ (None removes), and let functions make their clients anew."""
    before = {name: os.environ.get(name) for name in changes}
    _change(changes)
    try:
        yield
    finally:
        _change(before)


def _change(changes: Mapping[str, str | None]) -> None:
    for name, value in changes.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
    bootstrap = sys.modules.get("sfn_cqrs.bootstrap")
    if bootstrap is not None:
        bootstrap.reset()
