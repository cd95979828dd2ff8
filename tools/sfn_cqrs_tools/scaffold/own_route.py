"""A new route of the user's own, with its test."""

from __future__ import annotations

import keyword
import re
from typing import Final

from sfn_cqrs_tools.scaffold.app_package import LONGEST, AppPackage
from sfn_cqrs_tools.scaffold.audience import Audience
from sfn_cqrs_tools.scaffold.changes import Changes, ScaffoldError
from sfn_cqrs_tools.scaffold.texts import text

_PARAMETER: Final = re.compile(r"\{([a-z][a-z0-9_]*)\}")


def add_route(
    changes: Changes, package: AppPackage, method: str, path: str, audience: Audience
) -> None:
    """Add a route that answers a JSON object.

    Raises:
        ScaffoldError: the path is none or the framework's, or the module exists.
    """
    name = _name(path)
    _check(method, path, name)
    parameters = [f'"{one}"' for one in _PARAMETER.findall(path)]
    values = {
        "method": method,
        "path": path,
        "name": name,
        "function": f"{method.lower()}_{name}",
        "audience": audience,
        "package": package.name,
        "parameters": ", ".join(parameters) + ("," if len(parameters) == 1 else ""),
    }
    changes.create(package.module(name), text("app/route.py", **values))
    changes.create(package.test(name), text("app/test_route.py", **values))


def _check(method: str, path: str, name: str) -> None:
    from sfn_cqrs.api.declared import route  # noqa: PLC0415 - the rule stands there

    try:
        route(method, path)
    except ValueError as error:
        raise ScaffoldError(str(error)) from error
    if keyword.iskeyword(name) or not name.isidentifier() or len(name) > LONGEST:
        raise ScaffoldError(
            f"{path!r} makes no name of a module: begin with a word, and use at most"
            f" {LONGEST} characters, such as /invoices/overdue"
        )


def _name(path: str) -> str:
    words = re.sub(r"[^a-z0-9]+", "_", _PARAMETER.sub(r"by_\1", path))
    return words.strip("_")
