"""A new sync handler with its read model, a new task handler, a new job; each with its test."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sfn_cqrs.kernel.errors import InvalidInputError
from sfn_cqrs.kernel.keys import checked_tenant
from sfn_cqrs.machines.schedule.calendar import Calendar
from sfn_cqrs_tools.scaffold.app_package import LINE, AppPackage, check_type
from sfn_cqrs_tools.scaffold.audience import Audience
from sfn_cqrs_tools.scaffold.changes import Changes, ScaffoldError
from sfn_cqrs_tools.scaffold.fields import Field, import_statements, own_names
from sfn_cqrs_tools.scaffold.texts import literal, text

_PACKAGES = "app/requirements.txt"


def add_handler(
    changes: Changes,
    package: AppPackage,
    type_: str,
    audience: Audience,
    fields: Sequence[Field] = (),
) -> None:
    """Add a handler that brings commands of a type into a read model.

    A type that the package does not declare yet is, for those who may publish it, with a model
    of these fields.

    Raises:
        ScaffoldError: the type is invalid, the module exists, or a declared type is given fields.
    """
    check_type(type_)
    name = type_.lower()
    declared_in = package.registered("command_type").get(type_)
    if declared_in is not None and fields:
        raise ScaffoldError(f"{type_} is declared in {declared_in}: give it a model there")
    whose = None if declared_in is not None else audience
    values = _values(type_, name, whose, fields)
    changes.create(package.module(name), text("app/handler.py", **values))
    changes.create(package.test(name), text("app/test_handler.py", package=package.name, **values))


def add_task(changes: Changes, package: AppPackage, type_: str, audience: Audience) -> None:
    """Add a handler that works on the items of tasks of a type, for those who may start them.

    Raises:
        ScaffoldError: the type is invalid or has a handler, or the module exists.
    """
    check_type(type_)
    taken = package.registered("task_handler").get(type_)
    if taken is not None:
        raise ScaffoldError(f"{type_} has a handler in {taken} already; choose another type")
    name = type_.lower()
    values = {"type": type_, "name": name, "audience": audience, "package": package.name}
    changes.create(package.module(name), text("app/task.py", **values))
    changes.create(package.test(name), text("app/test_task.py", **values))


def add_job(
    changes: Changes,
    package: AppPackage,
    type_: str,
    cron: str,
    zone: str,
    tenants: Sequence[str],
    audience: Audience,
) -> None:
    """Add a function that runs on a calendar, and that these clients may run and pause.

    Raises:
        ScaffoldError: the name or the calendar is invalid, or the module exists.
    """
    check_type(type_)
    try:
        Calendar.of(cron, zone)
        names = [literal(checked_tenant(tenant)) for tenant in tenants]
    except InvalidInputError as error:
        raise ScaffoldError(str(error)) from error
    name = type_.lower()
    values = {"type": type_, "name": name, "audience": audience, "package": package.name}
    values |= {"cron": cron, "zone": zone, "tenants": f"[{', '.join(names)}]"}
    changes.create(package.module(name), text("app/job.py", **values))
    packages = changes.root / _PACKAGES
    if zone != "UTC" and not packages.exists():
        changes.create(_PACKAGES, "tzdata>=2026.1\n")
    changes.create(package.test(name), text("app/test_job.py", **values))


def _values(
    type_: str, name: str, audience: Audience | None, fields: Sequence[Field]
) -> dict[str, Any]:
    sample = {field.name: field.sample for field in fields if not field.is_optional}
    return {
        "type": type_,
        "name": name,
        "audience": audience,
        "fields": fields,
        "statements": import_statements(fields) if fields else [],
        "own": own_names(fields),
        "model": "".join(word.title() for word in name.split("_")) if fields else "",
        "attributes": sample or {"n": 1},
        "width": LINE,
    }
