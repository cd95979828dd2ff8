"""Warnings and advice that whoever wrote a definition has looked at, and left as they are.

`lint-ignore: ID` in a Comment leaves what a rule says out, in its state and all inside it;
in the machine's own Comment, everywhere. The reason follows the ID. Errors stay, and a mark
that hides nothing is a warning itself.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

from sfn_local.lint.finding import Report
from sfn_local.lint.model import Definition
from sfn_local.lint.rules import ERROR, RULES

_MARK = re.compile(r"\blint-ignore:\s*([\w-]+)")


class Mark(NamedTuple):
    """Where a Comment stands that names a rule: the pointer of its state."""

    pointer: str
    rule: str


def check(definition: Definition, report: Report) -> None:
    """Leave out what marks name; report marks that hide nothing."""
    for mark in _marks(definition):
        if not _hide(mark, report):
            message = f"lint-ignore: {mark.rule} hides nothing here"
            report.add("ignore-unused", f"{mark.pointer}/Comment", message)


def _marks(definition: Definition) -> Iterator[Mark]:
    owners = [("", definition.fields)] + [(one.pointer, one.fields) for one in definition.states]
    for pointer, fields in owners:
        comment = fields.get("Comment")
        for rule in _MARK.findall(comment) if isinstance(comment, str) else ():
            yield Mark(pointer, rule)


def _hide(mark: Mark, report: Report) -> bool:
    may_stay = mark.rule in RULES and RULES[mark.rule].severity != ERROR
    return may_stay and report.hide(mark.rule, mark.pointer)
