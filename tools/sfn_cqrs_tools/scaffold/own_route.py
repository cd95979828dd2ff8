"""A new route of the user's own, with its test."""

from __future__ import annotations

import keyword
import re
from typing import Final

from sfn_cqrs_tools.scaffold.app_package import LONGEST, AppPackage, call, import_lines
from sfn_cqrs_tools.scaffold.audience import Audience
from sfn_cqrs_tools.scaffold.changes import Changes, ScaffoldError

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
    changes.create(package.module(name), _route(method, path, name, audience))
    changes.create(package.test(name), _route_test(package.name, method, path, name))


def _check(method: str, path: str, name: str) -> None:
    from sfn_cqrs.service.routes import route  # noqa: PLC0415 - the rule stands there

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


def _route(method: str, path: str, name: str, audience: Audience) -> str:
    imports = import_lines(audience.import_line, "from sfn_cqrs.service.routes import Asked, route")
    decorator = call("@route", f'"{method}"', f'"{path}"', f"allow={audience.code}")
    return f'''\
"""{method} {path}: a route of our own."""

from typing import Any

{imports}


{decorator}
def {method.lower()}_{name}(asked: Asked) -> dict[str, Any]:
    """Answer a JSON object; read what belongs to the tenant of whoever asks."""
    return {{"tenant": asked.tenant, **asked.path}}
'''


def _route_test(package: str, method: str, path: str, name: str) -> str:
    imports = import_lines(
        f"from {package}.{name} import {method.lower()}_{name}",
        "from sfn_cqrs.service.routes import Asked, own_routes",
    )
    parameters = _PARAMETER.findall(path)
    names = ", ".join(f'"{one}"' for one in parameters) + ("," if len(parameters) == 1 else "")
    given = f', path=dict.fromkeys(({names}), "1")' if parameters else ""
    answer = '{"tenant": "tenant1", **asked.path}' if parameters else '{"tenant": "tenant1"}'
    return f'''\
{imports}


def test_it_answers_for_the_tenant_of_whoever_asks():
    asked = Asked("tenant1", "taro"{given})

    assert {method.lower()}_{name}(asked) == {answer}


def test_it_is_a_route_of_the_api():
    routes = [(one.method, one.path) for one in own_routes()]

    assert ("{method}", "{path}") in routes
'''
