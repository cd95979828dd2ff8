"""type: the types of commands, the content of their versions, and their audiences."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import click

from sfn_cqrs_tools.cli.options import (
    api_options,
    one_line_errors,
    rate_option,
    stack_option,
    stack_options,
    state_option,
    template_option,
)
from sfn_cqrs_tools.client.api import Api, connect, work_path
from sfn_cqrs_tools.client.aws import find_target
from sfn_cqrs_tools.stack.project_template import load_template
from sfn_cqrs_tools.stack.type_changes import breaking
from sfn_cqrs_tools.stack.type_schemas import (
    BUCKETS,
    NotReadError,
    Types,
    revision_there,
    types_at,
    types_of,
)
from sfn_cqrs_tools.terminal.printing import print_fields, print_list, print_table
from sfn_local.cli.command import FAILED, Group, json_option, print_json, print_shown
from sfn_local.cli.showing import echo, styled

UNIQUE: Final = "sfn_cqrs_tools.replay.unique_values"
_REVISIONS: Final = ("origin/HEAD", "origin/main", "main", "master", "HEAD")
"""The defaults to compare the working copy with: the first that exists."""


@click.group("type", cls=Group)
def type_() -> None:
    """Show types, and check that a changed type can still read old versions."""


@type_.command("list", examples=("sfn-cqrs type list",))
@api_options
def list_types(api: Api, as_json: bool) -> None:
    """List the types whose items you may read or publish."""
    found = list(api.pages("/types"))
    if not as_json:
        found = [{**one, "fields": ", ".join(_properties(one)) or "any"} for one in found]
    print_list(found, ("type", "shape", "publish", "read", "fields"), as_json=as_json)


@type_.command("show", examples=("sfn-cqrs type show ORDER", "sfn-cqrs type show ORDER --json"))
@click.argument("type", metavar="TYPE")
@api_options
def show_type(api: Api, type: str, as_json: bool) -> None:  # noqa: A002 - as it is called
    """Show a type; --json prints the JSON Schema of its attributes as well."""
    found = api.get(work_path("types", type))
    if as_json:
        print_json(found)
        return
    listed = {name: ", ".join(found[name]) for name in ("guarded", "handlers")}
    names = ("type", "shape", "publish", "imports", "read", "lane")
    shown = {**{name: found[name] for name in names}, **listed}
    print_fields({name: value for name, value in shown.items() if value})
    if "schema" in found:
        rows = [(name, *row) for name, row in _rows(found["schema"], found["schema"])]
        print_table(("field", "type", "needed", "default"), rows)


@type_.command(
    "check",
    examples=("sfn-cqrs type check", "sfn-cqrs type check --against v1.2.0"),
)
@click.option("--against", "revision", metavar="REF", help="A revision of git.  [default: main]")
@state_option
@stack_option
@template_option
@json_option
def check_types(
    revision: str | None,
    state: Path,
    stack: str | None,
    template: Path,
    as_json: bool,
) -> None:
    """Check that stored versions fit the models of the working copy.

    It compares them with the models of a revision, or of a deployed stack. Exits 1 if a field was
    removed, narrowed or made required, or if a type has its first model, without a new shape; or if
    a read model of the revision has another number of buckets.
    """
    with one_line_errors(NotReadError):
        read = load_template(template)
        environment = read.environment
        package = environment.get("APP_PACKAGE", "")
        sources = [source for source in read.layers if (source / package).is_dir()]
        today = types_of(sources, environment)
        if stack is not None:
            before, named = _deployed(connect(state, stack, None)), stack
        else:
            before, named = _at_revision(read.root, revision, sources, environment)
    found = [f"{name}: {each}" for name in sorted(before) for each in _changes(name, before, today)]
    if as_json:
        print_json({"against": named, "findings": found})
    else:
        for finding in found:
            echo(styled("breaks", fg="red"), f"  {finding}")
        if not found:
            count = sum(BUCKETS not in one for one in today.values())
            echo(f"{count} type{'' if count == 1 else 's'}: stored versions fit ({named})")
    if found:
        raise click.exceptions.Exit(1)


@type_.command(
    "unique",
    examples=(
        "sfn-cqrs type unique CUSTOMER --check",
        "sfn-cqrs type unique CUSTOMER --enforce --tenant acme",
    ),
)
@click.argument("type", metavar="TYPE")
@click.option("--check/--enforce", "is_check", default=True, help="Report only, or reserve.")
@click.option("--tenant", metavar="CODE", help="Of one tenant.  [default: of all]")
@rate_option
@stack_options
@template_option
@json_option
@click.pass_context
def unique_values(
    context: click.Context,
    type: str,  # noqa: A002 - as it is called
    is_check: bool,
    tenant: str | None,
    rate: float,
    state: Path,
    stack: str | None,
    template: Path,
    as_json: bool,
) -> None:
    """Find items that share a value which is to be unique, then reserve the values of all others.

    Your working copy's types say what is unique. Run --check before you deploy the declaration, and
    --enforce afterwards; commands may run meanwhile. It reads and writes the tables with your
    credentials. Exits 1 if items share a value.
    """
    from sfn_cqrs_tools.replay.process import NotReplayedError, asked_of  # noqa: PLC0415

    asked = {"type": type, "tenant": tenant or "", "writes": not is_check, "rate": rate}
    with one_line_errors(NotReplayedError):
        found = asked_of(UNIQUE, find_target(state, stack), load_template(template), asked)
    print_shown(found, _print_unique, as_json=as_json)
    if any(one["shared"] for one in found["tenants"].values()):
        context.exit(FAILED)


def _print_unique(found: Mapping[str, Any]) -> None:
    for tenant, one in found["tenants"].items():
        for shared in one["shared"]:
            echo(f"{tenant}: {shared['fields']}: {', '.join(shared['codes'])}")
        done = f"{one['filled']:,} filled, {one['freed']:,} freed, " if found["enforced"] else ""
        left = f"{one['missing']:,} values not reserved, {len(one['shared']):,} shared"
        echo(f"{tenant}: {one['items']:,} items, {done}{left}")


def _at_revision(
    root: Path, revision: str | None, sources: Sequence[Path], environment: Mapping[str, str]
) -> tuple[Types, str]:
    """Return the types at a revision, or at the usual one as far as it can be read."""
    if revision is not None:
        return types_at(revision, sources, environment), revision
    usual = revision_there(root, _REVISIONS)
    if usual is None:
        return {}, "there is no revision to compare with"
    try:
        return types_at(usual, sources, environment), usual
    except NotReadError as error:
        return {}, f"{usual} cannot be read: {error}"


def _deployed(api: Api) -> Types:
    return {one["type"]: one for one in api.pages("/types")}


def _changes(name: str, before: Types, today: Types) -> Iterator[str]:
    """Yield the changes that stored versions may not fit; nothing if the type has a new shape."""
    was, now = before[name], today.get(name, {"shape": 1})
    if was.get(BUCKETS) != now.get(BUCKETS, was.get(BUCKETS)):
        yield (
            f"buckets= was {was[BUCKETS]}, and is {now[BUCKETS]}: no row that is stored would be"
            " found; give the read model another name with it, and rebuild that one"
        )
    elif now["shape"] < was["shape"]:
        yield f"its shape was {was['shape']}, and is {now['shape']}"
    elif now["shape"] == was["shape"] and "schema" not in was and "schema" in now:
        yield (
            "has its first model, which stored versions may not fit: give it"
            f" shape={now['shape'] + 1} and an upcast, which is {{1: dict}} if they fit"
        )
    elif now["shape"] == was["shape"] and "schema" in was and "schema" in now:
        for path, reason in breaking(was["schema"], now["schema"]):
            yield f"{path} {reason}: give it shape={now['shape'] + 1} and an upcast"


def _properties(shown: Mapping[str, Any]) -> Mapping[str, Any]:
    properties: Mapping[str, Any] = shown.get("schema", {}).get("properties", {})
    return properties


def _rows(
    schema: Mapping[str, Any], root: Mapping[str, Any], path: str = "", within: tuple[str, ...] = ()
) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield the fields of a schema with their paths, those of nested ones below them."""
    needed = schema.get("required", [])
    for name, field in schema.get("properties", {}).items():
        default = str(field["default"]) if "default" in field else ""
        mark = " (personal)" if field.get("x-personal") else ""
        yield f"{path}{name}", (f"{_told(field)}{mark}", "yes" if name in needed else "", default)
        for suffix, inner, reference in _inner(field, root):
            if reference not in within:
                known = (*within, reference) if reference else within
                yield from _rows(inner, root, f"{path}{name}{suffix}.", known)


def _inner(
    field: Mapping[str, Any], root: Mapping[str, Any], suffix: str = ""
) -> Iterator[tuple[str, Mapping[str, Any], str]]:
    """Yield the objects that a field holds, with what follows its name, and their reference."""
    reference = field.get("$ref", "").rpartition("/")[2]
    shown = root["$defs"][reference] if reference else field
    if "properties" in shown:
        yield suffix, shown, reference
    for option in shown.get("anyOf", ()):
        yield from _inner(option, root, suffix)
    for key, more in (("items", "[]"), ("additionalProperties", ".*")):
        if isinstance(shown.get(key), dict):
            yield from _inner(shown[key], root, f"{suffix}{more}")


def _told(field: Mapping[str, Any]) -> str:
    """Return a short text of a field's allowed values."""
    if "anyOf" in field:
        return " or ".join(_told(option) for option in field["anyOf"])
    if "enum" in field:
        return " | ".join(map(str, field["enum"]))
    if field.get("type") == "array":
        return f"list of {_told(field.get('items', {}))}"
    reference = field.get("$ref", "").rpartition("/")[2]
    told = reference or field.get("format") or field.get("type") or "any"
    bounds = [
        f"{sign} {field[key]}"
        for key, sign in (
            *(("minimum", ">="), ("exclusiveMinimum", ">"), ("maximum", "<=")),
            *(("exclusiveMaximum", "<"), ("minLength", "length >="), ("maxLength", "length <=")),
        )
        if key in field
    ]
    name = "/".join(told) if isinstance(told, list) else str(told)
    return " ".join([name, ", ".join(bounds)]).strip()
