"""Text put into files that people write: at one place, and everything else as it was."""

from __future__ import annotations

import re

from sfn_cqrs_tools.scaffold.changes import ScaffoldError

SECTION_WIDTH = 90


def section_line(title: str) -> str:
    """Return the comment that begins a section of template.yaml."""
    dashes = SECTION_WIDTH - len("  #  ") - len(title)
    return f"  # {'-' * dashes} {title}"


def before(text: str, pattern: str, addition: str, what: str) -> str:
    """Insert before the first match of a pattern (multi-line).

    Raises:
        ScaffoldError: nothing matches; `what` names the place.
    """
    found = re.search(pattern, text, re.MULTILINE)
    if found is None:
        raise ScaffoldError(f"there is no {what} to write to")
    return text[: found.start()] + addition + text[found.start() :]


def after_last(text: str, pattern: str, addition: str, what: str) -> str:
    """Insert after the last match of a pattern (multi-line).

    Raises:
        ScaffoldError: nothing matches; `what` names the place.
    """
    found = list(re.finditer(pattern, text, re.MULTILINE))
    if not found:
        raise ScaffoldError(f"there is no {what} to write to")
    end = found[-1].end()
    return text[:end] + addition + text[end:]
