"""YAML that remembers where everything stands."""

import yaml

from sfn_local.lint.json_positions import Located, escape
from sfn_local.lint.template_file import Loader


def locate(text: str, way: tuple[str, ...], value: object) -> Located:
    """A value that stands in a YAML text behind some fields, with the places of its parts.

    Of a way that is not there as it is, the last part that is there has the place.
    """
    located = Located(text, value)
    node = yaml.compose(text, Loader=Loader)
    located.offsets[""] = 0
    for name in way:
        found = _entry(node, name)
        if found is None:
            return located
        key, node = found
        located.offsets[""] = key.start_mark.index
    _add(node, "", located)
    return located


def _entry(node: yaml.Node | None, name: str) -> tuple[yaml.Node, yaml.Node] | None:
    pairs = node.value if isinstance(node, yaml.MappingNode) else []
    return next(((key, value) for key, value in pairs if key.value == name), None)


def _add(node: yaml.Node | None, pointer: str, located: Located) -> None:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            inner = f"{pointer}/{escape(str(key.value))}"
            located.offsets[inner] = key.start_mark.index
            _add(value, inner, located)
    elif isinstance(node, yaml.SequenceNode):
        for position, value in enumerate(node.value):
            inner = f"{pointer}/{position}"
            located.offsets[inner] = value.start_mark.index
            _add(value, inner, located)
