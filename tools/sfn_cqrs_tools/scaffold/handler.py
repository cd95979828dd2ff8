"""A new sync handler with its read model, and a new task handler; each with its test."""

from __future__ import annotations

from collections.abc import Sequence

from sfn_cqrs_tools.scaffold.app_package import LINE, AppPackage, call, check_type, import_lines
from sfn_cqrs_tools.scaffold.audience import Audience
from sfn_cqrs_tools.scaffold.changes import Changes, ScaffoldError
from sfn_cqrs_tools.scaffold.fields import Field, import_statements, own_names


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
    changes.create(package.module(name), _handler(type_, name, whose, fields))
    changes.create(package.test(name), _handler_test(package.name, type_, name, fields))


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
    changes.create(package.module(name), _task(type_, name, audience))
    changes.create(package.test(name), _task_test(package.name, type_, name))


def _handler(type_: str, name: str, audience: Audience | None, fields: Sequence[Field]) -> str:
    own = own_names(fields)
    imports = import_lines(
        "from sfn_cqrs import bootstrap",
        "from sfn_cqrs.domain.command import Command",
        f"from sfn_cqrs.service.handlers import {'command_type, ' if audience else ''}sync_handler",
        *(_imports(audience) if audience else ()),
        *([f"from sfn_cqrs.domain.models import {', '.join(own)}"] if own else ()),
    )
    model = "".join(word.title() for word in name.split("_")) if fields else ""
    said = f"\n{audience.declaration(type_, model)}\n{_readable(name)}\n" if audience else ""
    declared = f"{_model(model, type_, fields)}{said}" if fields else said
    if fields:
        imports = "\n".join([*import_statements(fields), "", imports])
    given = f"Command[{model}]" if fields else "Command"
    return f'''\
"""{type_} items, in one read model."""

{imports}
{declared}

@sync_handler("{type_}")
def {name}_list(command: {given}) -> None:
    """Keep each item as it is; a deleted one keeps its row, as a guard against late retries."""
    row = {{
        "name": command.name,
        "attributes": command.attributes,
        "version": command.version,
        "is_deleted": command.is_deleted,
    }}
    view = bootstrap.read_model("{name}_list")
    view.put_if_newer(command.key.tenant, "all", command.key.code, row)
'''


def _model(model: str, type_: str, fields: Sequence[Field]) -> str:
    lines = "\n".join(field.line for field in fields)
    return f'''

@dataclass(frozen=True)
class {model}:
    """What a version of {type_} contains."""

{lines}

'''


def _imports(audience: Audience) -> tuple[str, ...]:
    """Return the imports for the declarations of a new type."""
    policies = ", ".join(sorted({audience.name, "MEMBERS"}))
    return (
        f"from sfn_cqrs.domain.policy import {policies}",
        "from sfn_cqrs.service.read_models import read_model_type",
    )


def _readable(name: str) -> str:
    """Return the declaration that lets members read the read model of items they may read."""
    return call("read_model_type", f'"{name}_list"', 'by=("all",)', "read=MEMBERS")


def _handler_test(package: str, type_: str, name: str, fields: Sequence[Field]) -> str:
    imports = import_lines(
        f"from {package}.{name} import {name}_list",
        "from sfn_cqrs.domain.keys import ItemKey",
        "from sfn_cqrs_tools.testing.builders import a_command",
    )
    attributes = _attributes(fields)
    model = f"""

@pytest.mark.usefixtures("world")
def test_the_attributes_fit_the_model_of_the_type():
    service = CommandService("tenant1")

    assert service.publish("{type_}", "1", name="1", attributes=ATTRIBUTES).version == 1
    with pytest.raises(InvalidInputError):
        service.publish("{type_}", "2", name="2", attributes={{"unknown": 1}})
"""
    if fields:
        more = ["from sfn_cqrs.domain.errors import InvalidInputError"]
        more.append("from sfn_cqrs.service.commands.service import CommandService")
        imports = "import pytest\n\n" + import_lines(*imports.splitlines(), *more)
    return f'''\
{imports}

{attributes}


def an_item(code, version=1, tenant="tenant1", **changes):
    key = ItemKey(tenant, "{type_}", code)
    return a_command(key, version, **{{"attributes": ATTRIBUTES, "name": code, **changes}})


def rows(world, tenant="tenant1"):
    return world.read_model("{name}_list").rows(tenant, "all")


def test_the_items_are_listed(world):
    {name}_list(an_item("1"))
    {name}_list(an_item("2"))

    assert rows(world) == [
        {{"sort": "1", "name": "1", "attributes": ATTRIBUTES, "version": 1, "is_deleted": False}},
        {{"sort": "2", "name": "2", "attributes": ATTRIBUTES, "version": 1, "is_deleted": False}},
    ]


def test_a_stale_version_does_not_overwrite_a_newer_one(world):
    {name}_list(an_item("1", 2, name="newer"))
    {name}_list(an_item("1", 1, name="older"))
    {name}_list(an_item("1", 2, name="again"))

    assert [row["name"] for row in rows(world)] == ["newer"]


def test_a_deleted_item_is_marked(world):
    {name}_list(an_item("1"))
    {name}_list(an_item("1", 2, is_deleted=True))

    assert [(row["version"], row["is_deleted"]) for row in rows(world)] == [(2, True)]


def test_each_tenant_has_its_own_items(world):
    {name}_list(an_item("1"))

    assert rows(world, "tenant2") == []
{model if fields else ""}'''


def _attributes(fields: Sequence[Field]) -> str:
    """Write attributes that fit, on a line or as a formatter breaks it."""
    sample = {field.name: field.sample for field in fields if not field.is_optional}
    values = [f'"{name}": {_literal(value)}' for name, value in (sample or {"n": 1}).items()]
    line = f"ATTRIBUTES = {{{', '.join(values)}}}"
    return (
        line
        if len(line) <= LINE
        else "ATTRIBUTES = {\n" + "".join(f"    {one},\n" for one in values) + "}"
    )


def _literal(value: object) -> str:
    return repr(value).replace("'", '"')


def _task(type_: str, name: str, audience: Audience) -> str:
    imports = import_lines(
        audience.import_line,
        "from sfn_cqrs.domain.values import Json",
        "from sfn_cqrs.service.tasks.types import TaskItem, task_handler",
    )
    settings = ("timeout=60", "retry=3", f"publish={audience.code}")
    decorator = call("@task_handler", f'"{type_}"', *settings)
    return f'''\
"""{type_}: work in the background, an item at a time."""

{imports}


{decorator}
def {name}(item: TaskItem) -> Json:
    """Work on one item; it may run twice, so give `item.key` to what must happen once."""
    return {{"id": str(item.input["id"])}}
'''


def _task_test(package: str, type_: str, name: str) -> str:
    imports = import_lines(
        f"from {package}.{name} import {name}",
        "from sfn_cqrs.service.tasks import types as task_types",
        "from sfn_cqrs.service.tasks.types import TaskItem",
    )
    return f'''\
import pytest

{imports}

TYPE, ID = "{type_}", "t-01KAXK3V9Q0M3W8C5R6T7Y8Z9A"


def an_item(**given):
    return TaskItem("tenant1", TYPE, ID, index=0, attempt=1, input=given)


def test_an_item_answers_what_is_kept_of_it():
    assert {name}(an_item(id="a-1")) == {{"id": "a-1"}}


def test_an_item_without_an_id_fails_alone():
    with pytest.raises(KeyError, match="id"):
        {name}(an_item())


def test_tasks_of_this_type_are_known():
    found = task_types.find(TYPE)

    assert (found.handler, found.timeout, found.retry) == ({name}, 60, 3)
'''
