"""Templates of SAM and CloudFormation, as their YAML has them."""

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from sfn_local.lint.loops import expanded


class TemplateError(Exception):
    """The template cannot be read; the message says where and what to change."""


class Loader(yaml.CSafeLoader):
    """YAML as CloudFormation reads it: short tags become `Fn::` objects, dates stay text."""


Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if not tag.endswith(":timestamp")]
    for first, resolvers in yaml.CSafeLoader.yaml_implicit_resolvers.items()
}


def _short_tag(loader: Loader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    value: Any
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    elif isinstance(node, yaml.MappingNode):
        value = loader.construct_mapping(node, deep=True)
    if suffix == "GetAtt" and isinstance(value, str):
        value = value.split(".", 1)
    return {suffix if suffix in {"Ref", "Condition"} else f"Fn::{suffix}": value}


Loader.add_multi_constructor("!", _short_tag)


@lru_cache(maxsize=8)
def _parsed(text: str) -> Any:
    """Parse a text, and keep the result, which is quicker to copy than to parse again."""
    return Loader(text).get_single_data()


def _copied(value: Any) -> Any:
    """Copy what YAML makes, in a quarter of the time of `deepcopy`."""
    if isinstance(value, dict):
        return {key: _copied(one) for key, one in value.items()}
    return [_copied(one) for one in value] if isinstance(value, list) else value


def load_yaml(path: Path, note: Callable[[str], None] | None = None) -> dict[str, Any]:
    """Read one template file; Fn::ForEach is expanded where its list is written out.

    A loop over anything else is left out if it can be noted.

    Raises:
        TemplateError: there is no such file, or it is not a YAML mapping.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise TemplateError(f"there is no template at {path}") from None
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise TemplateError(f"{path} cannot be read: {reason}") from None
    document = parse_yaml(path, text)
    if not isinstance(document, dict) or not isinstance(document.get("Resources"), dict):
        raise TemplateError(f"{path} is not a CloudFormation template: it has no Resources")
    document["Resources"] = expanded(document["Resources"], note)
    for logical_id, resource in document["Resources"].items():
        if not isinstance(resource, dict) or "Type" not in resource:
            raise TemplateError(f"{path}: the resource {logical_id} has no Type")
    return document


def parse_yaml(path: Path, text: str) -> Any:
    """What a YAML text has; path is for the message.

    Raises:
        TemplateError: it is not YAML.
    """
    try:
        return _copied(_parsed(text))
    except yaml.YAMLError as error:
        place = " ".join(str(error).split()).replace('in "<unicode string>", line', "at line")
        raise TemplateError(f"{path} is not YAML: {place}") from None
    except RecursionError:
        raise TemplateError(f"{path} is nested too deep, or in itself") from None
