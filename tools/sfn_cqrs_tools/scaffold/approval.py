"""A new approval: items above a limit need the word of another person."""

from __future__ import annotations

import re
from typing import Final

from sfn_cqrs_tools.scaffold.app_package import AppPackage, check_type
from sfn_cqrs_tools.scaffold.audience import Audience
from sfn_cqrs_tools.scaffold.changes import Changes, ScaffoldError
from sfn_cqrs_tools.scaffold.texts import text

_ABOVE: Final = re.compile(r"([a-z][a-z0-9_]{0,30})=([0-9]{1,12}(?:\.[0-9]{1,6})?)")


def add_approval(
    changes: Changes, package: AppPackage, type_: str, *, of: str, group: str, above: str
) -> str:
    """Add the approval of items whose field is above a limit; return what their type needs for it.

    Raises:
        ScaffoldError: a name or the limit is none, the module exists, or nobody declares the type.
    """
    check_type(type_)
    field, limit = _read_limit(above)
    Audience.of(f"group:{group}")
    declared_in = package.registered("command_type").get(of)
    if declared_in is None:
        raise ScaffoldError(f"no module declares {of}; `sfn-cqrs new handler {of}` writes one")
    model = package.model_of(of)
    if model is not None and field not in model.needed:
        raise ScaffoldError(f"{of} has no field {field}; it has {', '.join(model.needed)}")
    if type_ in package.registered("approval_type"):
        raise ScaffoldError(f"{type_} is an approval already; choose another name")
    name = type_.lower()
    values = {
        "type": type_,
        "of": of,
        "group": group,
        "field": field,
        "limit": limit,
        "name": name,
        "package": package.name,
    }
    changes.create(package.module(name), text("app/approval.py", **values))
    changes.create(package.test(name), text("app/test_approval.py", **values))
    return (
        f'{declared_in}: give {of} a field approved_{field}, and guarded=("approved_{field}",),'
        " so that only code writes it"
    )


def _read_limit(above: str) -> tuple[str, str]:
    found = _ABOVE.fullmatch(above)
    if found is None:
        raise ScaffoldError(f"{above!r} is no limit of a field, such as total=1000")
    return found[1], found[2]
