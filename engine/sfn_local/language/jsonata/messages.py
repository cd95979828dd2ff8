"""The texts of errors.

The codes and the texts are those of JSONata 2.0.6, the version that Step Functions documents.
"""

import json
import re
from functools import cache
from pathlib import Path

from sfn_local.language.jsonata.errors import JsonataError
from sfn_local.language.jsonata.texts import json_text
from sfn_local.language.jsonata.values import shortest

PLACEHOLDER = re.compile(r"\{\{(\w+)\}\}")


@cache
def _texts() -> dict[str, str]:
    """Return the texts by their codes."""
    texts: dict[str, str] = json.loads(Path(__file__).with_suffix(".json").read_text("utf-8"))
    return texts


def message_of(error: JsonataError) -> str:
    """Return what JSONata says of an error, without its code."""
    text = _texts()[error.code].replace("{name}", error.name)
    details = error.details
    return PLACEHOLDER.sub(
        lambda found: (
            json_text(details[found[1]], shortest) if found[1] in details else "undefined"
        ),
        text,
    )
