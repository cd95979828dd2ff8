"""Placeholders of a template in a definition at rest: values that are known at deployment only.

SAM's DefinitionSubstitutions, Terraform's templatefile and the Serverless Framework write them
`${name}`. Where one stands for a whole value, nothing is known of it; within an expression it is a
value of unknown type, and the rest of the expression is looked at.
"""

import re

from sfn_local.document import Json
from sfn_local.lint.json_positions import PLACEHOLDER

QUOTED = re.compile(r"\"(?:\\.|[^\"\\])*\"|'(?:\\.|[^'\\])*'")
PART = re.compile(
    rf"(?P<quoted>{QUOTED.pattern})|(?P<before>[\w$.]?)(?P<name>{PLACEHOLDER.pattern})"
)
EXPRESSION = re.compile(r"\{%|\$[^{]|\$\Z|States\.")


def is_unknown(value: Json) -> bool:
    """Whether a value has a placeholder, and is no expression that holds it as a part."""
    has_one = isinstance(value, str) and PLACEHOLDER.search(value) is not None
    return has_one and not EXPRESSION.match(str(value))


def filled(value: Json) -> Json:
    """The value with something of the same length for each placeholder in an expression."""
    if isinstance(value, dict):
        return {name: filled(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [filled(inner) for inner in value]
    if isinstance(value, str) and "${" in value and EXPRESSION.match(value):
        return PART.sub(_fill, value)
    return value


def _fill(found: re.Match[str]) -> str:
    """Leave a quoted text as it is; a placeholder becomes a part of a name, or null."""
    if found["quoted"] is not None:
        return found["quoted"]
    length, before = len(found["name"]), found["before"]
    return f"{before}{'x' * length}" if before else "null".ljust(length)
