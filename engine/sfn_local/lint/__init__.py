"""Finds what is wrong with a definition before it runs.

lint() takes the text of an ASL file, so that each finding has a line and a column. The rules
are in one module for each part of the language; rules.py lists them with their severities.
"""

from sfn_local.document import byte_size
from sfn_local.lint.finding import Finding, Report
from sfn_local.lint.json_positions import JsonSyntaxError, Located, parse
from sfn_local.lint.rules import RULES
from sfn_local.lint.sarif import sarif

__all__ = ["RULES", "Finding", "lint", "sarif"]

LARGEST = 1024 * 1024


def lint(text: str, name: str = "") -> list[Finding]:
    """Return the findings of a definition, in the order of the text; name is the file's name."""
    from sfn_local.lint.checks import CHECKS  # noqa: PLC0415 - slow to import, with the language
    from sfn_local.lint.model import Definition  # noqa: PLC0415

    try:
        located = parse(text)
    except JsonSyntaxError as error:
        report = Report(Located(text), name)
        report.add("json-syntax", "", error.message, offset=error.offset)
        return report.findings()
    report = Report(located, name)
    for pointer, offset in located.repeated:
        field = pointer.rpartition("/")[2]
        twice = f"{field} stands here a second time"
        report.add("duplicate-key", pointer, twice, offset=offset)
    if byte_size(text) > LARGEST:
        report.add("too-large", "", f"the definition has more than {LARGEST} bytes")
    if not isinstance(located.value, dict):
        report.add("definition-type", "", "the definition must be a JSON object")
        return report.findings()
    definition = Definition(located.value)
    for check in CHECKS:
        check(definition, report)
    return report.findings()
