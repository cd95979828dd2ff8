"""A new webhook: a route without a token that checks who has signed a request."""

from __future__ import annotations

import keyword
import re
from typing import Final

from sfn_cqrs_tools.scaffold.app_package import AppPackage
from sfn_cqrs_tools.scaffold.changes import Changes, ScaffoldError
from sfn_cqrs_tools.scaffold.names import snake
from sfn_cqrs_tools.scaffold.texts import text

_LONGEST: Final = 24
_NAME: Final = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_HEADER: Final = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,63}")
_PREFIX: Final = re.compile(r"[a-z0-9_=-]{0,20}")


def add_webhook(
    changes: Changes, package: AppPackage, name: str, *, header: str, prefix: str
) -> None:
    """Add a route that hears a sender.

    Raises:
        ScaffoldError: a name is none, or the module exists.
    """
    _check(name, header, prefix)
    module = f"{snake(name)}_webhook"
    values = {
        "sender": name,
        "function": f"hear_{snake(name)}",
        "module": module,
        "package": package.name,
        "header": header,
        "prefix": prefix,
    }
    changes.create(package.module(module), text("app/webhook.py", **values))
    changes.create(package.test(module), text("app/test_webhook.py", **values))


def _check(name: str, header: str, prefix: str) -> None:
    if not _NAME.fullmatch(name) or len(name) > _LONGEST or keyword.iskeyword(name):
        raise ScaffoldError(
            f"{name!r} is no name of a sender: small letters, digits and hyphens, at most"
            f" {_LONGEST}, such as bank"
        )
    if not _HEADER.fullmatch(header):
        raise ScaffoldError(f"{header!r} is no name of a header, such as X-Signature")
    if not _PREFIX.fullmatch(prefix):
        raise ScaffoldError(f"{prefix!r} cannot stand before a signature, as sha256= can")
