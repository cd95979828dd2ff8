"""Merges a parent template and its nested applications into one template.

CloudFormation makes a stack of each `AWS::Serverless::Application`. On this machine all of them are
one stack, so all code that reads a template also sees the applications' resources.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from sfn_cqrs_tools.runtime.cloudformation import merged
from sfn_local.lint.template_file import TemplateError, load_yaml

APPLICATION: Final = "AWS::Serverless::Application"

_PATHS: Final = ("CodeUri", "ContentUri", "DefinitionUri")
_SERVERLESS: Final = "AWS::Serverless::"
_PLACEHOLDER: Final = re.compile(r"\$\{([^!}][^}]*)\}")
_NAMING: Final = ("Condition", "DependsOn")
"""Keys whose text names an entry."""
_SECTIONS: Final = ("Parameters", "Resources", "Conditions", "Mappings")
_SHARE_NAMES: Final = ("Parameters", "Resources")
"""A `Ref` may name an entry of either section."""

Document = dict[str, Any]


@dataclass(frozen=True)
class Part:
    """One of the templates in a merged one: as it is deployed, with Globals in its resources."""

    document: Document
    folder: Path
    """Its folder, however many links lead there."""
    names: Mapping[str, str]
    """What its resources are called in the merged template."""
    given: Mapping[str, Any]
    """The values that its parameters get, as the merged template would write them."""


class Merged(Document):
    """A merged template that knows its parts."""

    parts: Sequence[Part] = ()


def parts(document: Document, root: Path) -> Sequence[Part]:
    """Return the templates that a template was merged from."""
    if isinstance(document, Merged):
        return document.parts
    return [_own_part(_with_globals(document), root)]


def _own_part(document: Document, root: Path) -> Part:
    return Part(document, root, {name: name for name in document["Resources"]}, {})


def flattened(document: Document, root: Path) -> Document:
    """Return the template with the resources of its nested applications in their place.

    A name that several of the templates use is prefixed by the application's. Outputs of an
    application become outputs of the whole, unless the parent has one of that name. The same
    applies to parameters that the parent does not pass.

    Raises:
        TemplateError: an application has no folder, lacks a parameter, or has no such output.
    """
    applications = {
        name: resource
        for name, resource in document["Resources"].items()
        if resource["Type"] == APPLICATION
    }
    if not applications:
        return document
    parent = _with_globals(document)
    taken = {section: {*parent.get(section, {})} for section in _SECTIONS}
    inner: list[_Application] = []
    for name, resource in applications.items():
        inner.append(_Application(name, resource, root, taken))
        taken = {section: names | inner[-1].names(section) for section, names in taken.items()}
    of_parent = _OfParent({one.name: one.outputs for one in inner})
    own = {name: one for name, one in parent["Resources"].items() if name not in applications}
    whole = Merged(of_parent.rewritten({**parent, "Resources": own}))
    whole.parts = [_own_part({**parent, "Resources": own}, root), *(one.part for one in inner)]
    for one in inner:
        made = of_parent.of_application(one)
        for section in _SECTIONS:
            whole[section] = {**whole.get(section, {}), **made[section]}
        whole["Outputs"] = {**made["Outputs"], **whole.get("Outputs", {})}
    return whole


def folders(document: Mapping[str, Any], root: Path) -> Iterator[Path]:
    """Yield the template files of the applications, at any depth."""
    for name, resource in document["Resources"].items():
        if resource["Type"] == APPLICATION:
            path = _location(name, resource, root)
            yield path
            yield from folders(load_yaml(path), path.parent)


def _location(name: str, resource: Mapping[str, Any], root: Path) -> Path:
    location = resource.get("Properties", {}).get("Location")
    if not isinstance(location, str) or "://" in location:
        raise TemplateError(
            f"{name} is not in a folder: the local stack runs only applications in folders"
        )
    return (root / location).resolve()


def _with_globals(document: Document) -> Document:
    """Return a template whose resources have the properties that Globals gives them."""
    defaults = document.get("Globals", {})
    resources = {
        name: {
            **resource,
            "Properties": merged(
                defaults.get(resource["Type"].removeprefix(_SERVERLESS), {}),
                resource.get("Properties", {}),
            ),
        }
        if resource["Type"].startswith(_SERVERLESS)
        else resource
        for name, resource in document["Resources"].items()
    }
    apis = {kind: defaults[kind] for kind in ("Api", "HttpApi") if kind in defaults}
    return {**document, "Globals": apis, "Resources": resources}


@dataclass
class _Rewriter:
    """Replaces the references in a template's values."""

    def rewritten(self, value: Any) -> Any:
        if isinstance(value, list):
            return [self.rewritten(one) for one in value]
        if not isinstance(value, dict):
            return value
        if id(value) not in self._made:
            self._made[id(value)] = (value, self._mapping(value))
        return self._made[id(value)][1]

    @cached_property
    def _made(self) -> dict[int, tuple[Any, Any]]:
        """What each mapping became; those of Globals are in every resource."""
        return {}

    def _mapping(self, value: Document) -> Any:
        if len(value) == 1:
            ((name, argument),) = value.items()
            if name in self._known:
                return self._known[name](argument)
        return {
            key: one if isinstance(one, str) and key not in _NAMING else self._entry(key, one)
            for key, one in value.items()
        }

    @cached_property
    def _known(self) -> Mapping[str, Callable[[Any], Any]]:
        return {"Ref": self._ref, "Fn::GetAtt": self._get_att, "Fn::Sub": self._sub}

    def _entry(self, key: str, value: Any) -> Any:
        return self.depended(value) if key == "DependsOn" else self.rewritten(value)

    def depended(self, value: Any) -> Any:
        return value

    def reference(self, name: str) -> Any:
        """Return what replaces `Ref` of a name; None leaves it."""
        raise NotImplementedError

    def attribute(self, name: str, attribute: str) -> Any:
        """Return what replaces `GetAtt`; None leaves it."""
        raise NotImplementedError

    def _ref(self, name: str) -> Any:
        found = self.reference(name)
        return {"Ref": name} if found is None else found

    def _get_att(self, value: Any) -> Any:
        name, attribute = value.split(".", 1) if isinstance(value, str) else value
        found = self.attribute(name, attribute)
        return {"Fn::GetAtt": [name, attribute]} if found is None else found

    def _sub(self, value: Any) -> Any:
        text, given = value if isinstance(value, list) else (value, {})
        variables = {key: self.rewritten(one) for key, one in given.items()}

        def replaced(match: re.Match[str]) -> str:
            name = match[1].strip()
            if name in given:
                return match[0]
            resource, _, attribute = name.partition(".")
            found = self.attribute(resource, attribute) if attribute else self.reference(name)
            match found:
                case None:
                    return match[0]
                case str():
                    return found.replace("${", "${!")
                case {"Ref": str(other)}:
                    return f"${{{other}}}"
                case {"Fn::GetAtt": [other, of]}:
                    return f"${{{other}.{of}}}"
                case {"Fn::Sub": str(other)}:
                    return other
            variable = re.sub(r"\W", "", name)
            variables[variable] = found
            return f"${{{variable}}}"

        text = _PLACEHOLDER.sub(replaced, text)
        return {"Fn::Sub": [text, variables] if variables else text}


@dataclass
class _Application(_Rewriter):
    """A nested application, its values as the parent would write them."""

    name: str
    resource: Mapping[str, Any]
    root: Path
    taken: Mapping[str, Set[str]]

    def __post_init__(self) -> None:
        path = _location(self.name, self.resource, self.root)
        inner = flattened(load_yaml(path), path.parent)
        self._document = _with_globals(inner)
        self._folder = path.parent
        given = self.resource.get("Properties", {}).get("Parameters", {})
        self._promoted = {
            name: parameter
            for name, parameter in self._document.get("Parameters", {}).items()
            if name not in given and self._free("Parameters", name) == name
        }
        self._parameters = dict(self._values(given))
        self._names = {
            section: {name: self._free(section, name) for name in self._document.get(section, {})}
            for section in ("Resources", "Conditions", "Mappings")
        }

    def section(self, section: str) -> Document:
        """Return a section of the template under the names that it has in the whole."""
        if section == "Parameters":
            return self._promoted
        own = self._document.get(section, {})
        made = {self._names[section][name]: self.rewritten(one) for name, one in own.items()}
        if section != "Resources":
            return made
        return {name: self._placed(one) for name, one in made.items()}

    def names(self, section: str) -> Set[str]:
        """Return the names that a section's entries have in the whole."""
        return {*self._promoted} if section == "Parameters" else {*self._names[section].values()}

    @property
    def part(self) -> Part:
        """Return the template as it is deployed."""
        folder = (self.root / self.resource["Properties"]["Location"]).absolute().parent
        return Part(self._document, folder, self._names["Resources"], self._parameters)

    @cached_property
    def outputs(self) -> Document:
        """Return the outputs."""
        return dict(self.rewritten(self._document.get("Outputs", {})))

    def _placed(self, resource: Document) -> Document:
        """Return a resource whose paths begin at the parent's folder."""
        properties = {
            key: os.path.relpath(self._folder / value, self.root)
            if key in _PATHS and isinstance(value, str)
            else value
            for key, value in resource.get("Properties", {}).items()
        }
        return {**resource, "Properties": properties}

    def _free(self, section: str, name: str) -> str:
        is_taken = any(name in self.taken[one] for one in (section, *_SHARE_NAMES))
        return f"{self.name}{name}" if is_taken else name

    def _values(self, given: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
        declared: Mapping[str, Any] = self._document.get("Parameters", {})
        for name in given:
            if name not in declared:
                raise TemplateError(f"{self.name} has no parameter {name}")
        for name, parameter in declared.items():
            if name in self._promoted:
                continue
            value = given.get(name, parameter.get("Default"))
            if value is None:
                raise TemplateError(f"{self.name} has no value for the parameter {name}")
            kind = parameter["Type"]
            if kind == "CommaDelimitedList" or kind.startswith("List<"):
                literal = isinstance(value, str)
                yield name, value.split(",") if literal else {"Fn::Split": [",", value]}
            else:
                yield name, value if isinstance(value, dict) else str(value)

    def reference(self, name: str) -> Any:
        if name in self._parameters:
            return self._parameters[name]
        if name == "AWS::StackName":
            return {"Fn::Sub": f"${{AWS::StackName}}-{self.name}"}
        first, dot, rest = name.partition(".")  # SAM's Function.Alias
        renamed = self._names["Resources"].get(first)
        return {"Ref": f"{renamed}{dot}{rest}"} if renamed else None

    def attribute(self, name: str, attribute: str) -> Any:
        renamed = self._names["Resources"].get(name)
        return {"Fn::GetAtt": [renamed, attribute]} if renamed else None

    def depended(self, value: Any) -> Any:
        names = self._names["Resources"]
        if isinstance(value, str):
            return names.get(value, value)
        return [names.get(one, one) for one in value]

    @cached_property
    def _known(self) -> Mapping[str, Callable[[Any], Any]]:
        return {
            **super()._known,
            "Condition": lambda name: {"Condition": self._condition(name)},
            "Fn::If": lambda value: {
                "Fn::If": [self._condition(value[0]), *map(self.rewritten, value[1:])]
            },
            "Fn::FindInMap": lambda value: {
                "Fn::FindInMap": [
                    self._names["Mappings"].get(value[0], value[0]),
                    *map(self.rewritten, value[1:]),
                ]
            },
        }

    def _entry(self, key: str, value: Any) -> Any:
        is_name = key == "Condition" and isinstance(value, str)
        return self._condition(value) if is_name else super()._entry(key, value)

    def _condition(self, name: Any) -> Any:
        return self._names["Conditions"].get(name, name) if isinstance(name, str) else name


@dataclass
class _OfParent(_Rewriter):
    """The parent's template, whose references to an application's outputs are replaced."""

    outputs: Mapping[str, Mapping[str, Any]]

    def of_application(self, inner: _Application) -> Document:
        """Return an application's sections; it reads others' outputs in its parameters alone."""
        made = {section: inner.section(section) for section in _SECTIONS}
        made["Outputs"] = inner.outputs
        given = inner.resource.get("Properties", {}).get("Parameters", {})
        return made if self.rewritten(given) == given else dict(self.rewritten(made))

    def reference(self, name: str) -> Any:
        return {"Ref": "AWS::StackId"} if name in self.outputs else None

    def attribute(self, name: str, attribute: str) -> Any:
        if name not in self.outputs:
            return None
        kind, _, output = attribute.partition(".")
        if kind != "Outputs" or output not in self.outputs[name]:
            raise TemplateError(f"{name} has no {attribute}")
        return self.outputs[name][output]["Value"]

    def depended(self, value: Any) -> Any:
        names = [value] if isinstance(value, str) else value
        return [one for one in names if one not in self.outputs]
