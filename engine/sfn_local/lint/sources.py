"""The definitions in a file, whatever kind of file it is.

A file has one definition in JSON or YAML, or it is a template: of SAM, of CloudFormation (also as
CDK writes it), of the Serverless Framework's step-functions plugin, or a file of Terraform.
"""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from sfn_local.lint import lint, lint_located
from sfn_local.lint.finding import Finding
from sfn_local.lint.intrinsics import plain, text_of
from sfn_local.lint.json_positions import JsonSyntaxError, Located, parse
from sfn_local.lint.template import MACHINES, lint_machine
from sfn_local.lint.template_file import load_yaml, parse_yaml
from sfn_local.lint.yaml_positions import locate

YAML = (".yaml", ".yml")
FILE = re.compile(r"\$\{file\(([^)]+)\)\}")
TEMPLATEFILE = re.compile(r'templatefile\(\s*"([^"]+)"')
HEREDOC = re.compile(r"=\s*<<-?\s*\"?(\w+)\"?\n(.*?)\n\s*\1\s*$", re.DOTALL | re.MULTILINE)
START = "StartAt"

Note = Callable[[str], None]


class Source(NamedTuple):
    """Where a template has its definitions, and what is said of those that cannot be read here."""

    path: Path
    text: str
    note: Note


def lint_file(path: Path, text: str, note: Note) -> list[Finding]:
    """The findings of a file's definitions; what is skipped is noted.

    Raises:
        TemplateError: the file is YAML, and cannot be read.
    """
    source = Source(path, text, note)
    found = list(dict.fromkeys(_find(source)))
    return sorted(found, key=lambda finding: (finding.file, finding.line, finding.column))


def _find(source: Source) -> Iterator[Finding]:
    path, text, _ = source
    if path.suffix == ".tf":
        yield from _in_terraform(source)
        return
    document = _document(path, text)
    if isinstance(document, dict) and START not in document:
        if isinstance(document.get("Resources"), dict):
            yield from _in_template(source)
            return
        if isinstance(document.get("stepFunctions"), dict):
            yield from _in_serverless(source, document["stepFunctions"])
            return
    if path.suffix in YAML:
        located = locate(text, (), plain(document))
        yield from lint_located(located, str(path), len(text.encode()), at_rest=True)
    else:
        yield from lint(text, str(path))


def _document(path: Path, text: str) -> Any:
    """What a YAML file has, or a JSON file that may be a template."""
    if path.suffix in YAML:
        return parse_yaml(path, text)
    try:
        return parse(text, at_rest=True).value if "Resources" in text else None
    except JsonSyntaxError:
        return None


def _in_template(source: Source) -> Iterator[Finding]:
    resources = load_yaml(source.path, source.note)["Resources"]
    for logical_id, resource in resources.items():
        properties = resource.get("Properties")
        if resource["Type"] not in MACHINES or not isinstance(properties, dict):
            continue
        for name, located in _definitions_of(source, logical_id, properties):
            before = located.value
            yield from lint_located(located, name, at_rest=True)
            located.value = before
            yield from lint_machine(logical_id, resources, located, name)


def _definitions_of(
    source: Source, logical_id: str, properties: dict[str, Any]
) -> Iterator[tuple[str, Located]]:
    way = ("Resources", logical_id, "Properties")
    uri = properties.get("DefinitionUri", properties.get("DefinitionS3Location"))
    if isinstance(properties.get("Definition"), dict):
        inline = plain(properties["Definition"])
        yield str(source.path), locate(source.text, (*way, "Definition"), inline)
    elif "DefinitionString" in properties:
        place = locate(source.text, (*way, "DefinitionString"), None)
        try:
            value = parse(text_of(properties["DefinitionString"]), at_rest=True).value
        except JsonSyntaxError as error:
            source.note(f"{logical_id}: its DefinitionString cannot be read here: {error.message}")
            return
        yield str(source.path), Located(source.text, value, {"": place.offset("")})
    elif isinstance(uri, str):
        yield from _definition_at(source, source.path.parent / uri, logical_id)
    else:
        source.note(f"{logical_id}: its definition is not beside the template")


def _definition_at(source: Source, path: Path, machine: str) -> Iterator[tuple[str, Located]]:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        source.note(f"{machine}: {path} cannot be read")
        return
    if path.suffix in YAML:
        yield str(path), locate(text, (), plain(parse_yaml(path, text)))
        return
    try:
        yield str(path), parse(text, at_rest=True)
    except JsonSyntaxError as error:
        source.note(f"{machine}: {path} is not JSON: {error.message}")


def _in_serverless(source: Source, section: dict[str, Any]) -> Iterator[Finding]:
    machines = section.get("stateMachines")
    if not isinstance(machines, dict):
        source.note("stepFunctions: its stateMachines are elsewhere")
        return
    for name, machine in machines.items():
        definition = machine.get("definition") if isinstance(machine, dict) else None
        named = FILE.fullmatch(definition) if isinstance(definition, str) else None
        if isinstance(definition, dict):
            way = ("stepFunctions", "stateMachines", str(name), "definition")
            located = locate(source.text, way, plain(definition))
            yield from lint_located(located, str(source.path), at_rest=True)
        elif named is not None:
            for file, located in _definition_at(source, source.path.parent / named[1], str(name)):
                yield from lint_located(located, file, at_rest=True)
        else:
            source.note(f"{name}: its definition is elsewhere")


def _in_terraform(source: Source) -> Iterator[Finding]:
    for name in TEMPLATEFILE.findall(source.text):
        path = source.path.parent / name.replace("${path.module}", ".")
        for file, located in _definition_at(source, path, "templatefile"):
            if isinstance(located.value, dict) and START in located.value:
                yield from lint_located(located, file, at_rest=True)
    for found in HEREDOC.finditer(source.text):
        if f'"{START}"' in found[2]:
            above = "\n" * source.text.count("\n", 0, found.start(2))
            yield from lint(above + found[2], str(source.path))
    if "jsonencode" in source.text and START in source.text:
        source.note(f"{source.path}: what jsonencode writes is not looked at")
