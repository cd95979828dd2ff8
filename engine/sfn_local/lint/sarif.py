"""Findings as SARIF 2.1.0, which code scanning of GitHub and editors read."""

from collections.abc import Iterable
from typing import Any
from urllib.parse import quote

from sfn_local.lint.finding import Finding
from sfn_local.lint.rules import ADVICE, ERROR, RULES, WARNING

LEVELS = {ERROR: "error", WARNING: "warning", ADVICE: "note"}
SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


def sarif(findings: Iterable[Finding]) -> dict[str, Any]:
    """One run of the lint."""
    from importlib.metadata import version  # noqa: PLC0415 - slow to import, seldom asked for

    rules = list(RULES)
    driver = {
        "name": "sfn-local lint",
        "version": version("sfn-local"),
        "rules": [
            {
                "id": name,
                "shortDescription": {"text": name.replace("-", " ")},
                "help": {"text": rule.hint},
                "defaultConfiguration": {"level": LEVELS[rule.severity]},
                "properties": {"refusedByAws": rule.is_refused},
            }
            for name, rule in RULES.items()
        ],
    }
    results = [_result(finding, rules.index(finding.id)) for finding in findings]
    run = {"tool": {"driver": driver}, "results": results, "columnKind": "unicodeCodePoints"}
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}


def _result(finding: Finding, index: int) -> dict[str, Any]:
    region = {"startLine": finding.line, "startColumn": finding.column}
    file = {"uri": quote(finding.file.replace("\\", "/"))}
    return {
        "ruleId": finding.id,
        "ruleIndex": index,
        "level": LEVELS[finding.severity],
        "message": {"text": f"{finding.message}. {finding.hint}"},
        "locations": [
            {
                "physicalLocation": {"artifactLocation": file, "region": region},
                "logicalLocations": [{"fullyQualifiedName": finding.pointer or "/"}],
            }
        ],
    }
