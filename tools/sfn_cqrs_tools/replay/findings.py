"""The findings of a replay about read models, as findings of an audit."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from sfn_cqrs.care.audit.rules import Finding

RULES: Final = {
    "changes": "read_model_differs",
    "appears": "read_model_lacks",
    "disappears": "read_model_extra",
}
FAILS: Final = "handler_fails"
_REBUILD: Final = "sfn-cqrs read-model rebuild {}"
_EVIDENCE: Final = {
    "changes": "{cells} differ from what the handler makes of {item}",
    "appears": "the handler makes a row of {item}, and there is none",
    "disappears": "there is a row, and the handler makes none",
}


def findings(report: Mapping[str, Any]) -> list[Finding]:
    """Return the findings of a replay's report; they name cells, and no values."""
    return [*map(_of_row, report["rows"]), *_of_errors(report)]


def _of_row(row: Mapping[str, Any]) -> Finding:
    key = f"{row['tenant']} {row['model']} {row['partition']} {row['sort']}"
    evidence = _EVIDENCE[row["what"]].format(cells=", ".join(row["cells"]), item=row["item"])
    return Finding(key, RULES[row["what"]], evidence, _REBUILD.format(row["model"]))


def _of_errors(report: Mapping[str, Any]) -> Iterator[Finding]:
    for one in report["errors"]:
        evidence = f"{one['handler']} raises {one['kind']} for {one['count']} items, first here"
        repair = "sfn-cqrs what-if shows it; correct the handler, and rebuild its read model"
        yield Finding(one["item"], FAILS, evidence, repair)
