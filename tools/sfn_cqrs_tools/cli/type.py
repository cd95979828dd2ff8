"""type: what versions of each type of commands may contain, and who may use it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import click

from sfn_cqrs_tools.cli.options import api_options
from sfn_cqrs_tools.client.api import Api, work_path
from sfn_cqrs_tools.terminal.printing import print_fields, print_list, print_table
from sfn_local.cli.command import Group, print_json


@click.group("type", cls=Group)
def type_() -> None:
    """Look at the types of commands: their fields, who may use them, their handlers."""


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
        needed = found["schema"].get("required", [])
        rows = [(name, *row) for name, row in _rows(found["schema"], needed)]
        print_table(("field", "type", "needed", "default"), rows)


def _properties(shown: Mapping[str, Any]) -> Mapping[str, Any]:
    properties: Mapping[str, Any] = shown.get("schema", {}).get("properties", {})
    return properties


def _rows(schema: Mapping[str, Any], needed: list[str]) -> Iterator[tuple[str, tuple[str, ...]]]:
    for name, field in schema["properties"].items():
        default = str(field["default"]) if "default" in field else ""
        mark = " (personal)" if field.get("x-personal") else ""
        yield name, (f"{_told(field)}{mark}", "yes" if name in needed else "", default)


def _told(field: Mapping[str, Any]) -> str:
    """Say what a field may be, in few words."""
    if "anyOf" in field:
        return " or ".join(_told(option) for option in field["anyOf"])
    if "enum" in field:
        return " | ".join(map(str, field["enum"]))
    if field.get("type") == "array":
        return f"list of {_told(field.get('items', {}))}"
    told = field.get("format") or field.get("type") or "any"
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
