"""What CloudFormation's functions leave in a definition: texts with placeholders, as at rest."""

import re
from typing import Any

from sfn_local.document import Json

FUNCTION = re.compile(r"Ref|Condition|Fn::.+")
OPENING = re.compile(r"\$\{(?!!)")


def plain(value: Any) -> Json:
    """A value of a template without functions: each is a text, with `${…}` for what is unknown."""
    if isinstance(value, list):
        return [plain(inner) for inner in value]
    if not isinstance(value, dict):
        return value
    if len(value) == 1 and FUNCTION.fullmatch(str(next(iter(value)))):
        return text_of(value)
    return {str(name): plain(inner) for name, inner in value.items()}


def text_of(value: Any) -> str:
    """The text that a function leaves; what is unknown has a colon, unlike a substitution."""
    if not isinstance(value, dict):
        return str(value)
    name: str
    argument: Any
    name, argument = next(iter(value.items()), ("", None))
    if name == "Fn::Sub":
        text = argument[0] if isinstance(argument, list) and argument else argument
        return OPENING.sub("${Sub:", str(text))
    match argument:
        case [str() as between, list() as parts] if name == "Fn::Join":
            return between.join(map(text_of, parts))
    return f"${{{re.sub('[^A-Za-z]', '', str(name))}:}}"
