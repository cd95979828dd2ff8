"""Finds what is wrong with a definition before it runs.

lint() takes the text of an ASL file, so that each finding has a line and a column. The rules
are in one module for each part of the language; rules.py lists them with their severities.
"""

from sfn_local.document import byte_size
from sfn_local.lint.finding import Finding, Report
from sfn_local.lint.json_positions import JsonSyntaxError, Located, parse
from sfn_local.lint.placeholders import filled
from sfn_local.lint.rules import RULES
from sfn_local.lint.sarif import sarif

__all__ = ["RULES", "Finding", "lint", "lint_located", "sarif"]

LARGEST = 1024 * 1024


def lint(text: str, name: str = "", *, at_rest: bool = True) -> list[Finding]:
    """Return the findings of a definition, in the order of the text; name is the file's name.

    A definition at rest may have `${placeholders}`, which are values of unknown types.
    """
    try:
        located = parse(text, at_rest=at_rest)
    except JsonSyntaxError as error:
        report = Report(Located(text), name)
        report.add("json-syntax", "", error.message, offset=error.offset)
        return report.findings()
    return lint_located(located, name, byte_size(text), at_rest=at_rest)


def lint_located(located: Located, name: str, size: int = 0, *, at_rest: bool) -> list[Finding]:
    """Return the findings of a definition of so many bytes that stands anywhere in a text."""
    from sfn_local.lint.checks import CHECKS  # noqa: PLC0415 - slow to import, with the language
    from sfn_local.lint.model import Definition  # noqa: PLC0415

    if at_rest:
        located.value = filled(located.value)
    report = Report(located, name, at_rest=at_rest)
    for pointer, offset in located.repeated:
        field = pointer.rpartition("/")[2]
        twice = f"{field} stands here a second time"
        report.add("duplicate-key", pointer, twice, offset=offset)
    if size > LARGEST:
        report.add("too-large", "", f"the definition has more than {LARGEST} bytes")
    if not isinstance(located.value, dict):
        report.add("definition-type", "", "the definition must be a JSON object")
        return report.findings()
    definition = Definition(located.value)
    for check in CHECKS:
        check(definition, report)
    return report.findings()
