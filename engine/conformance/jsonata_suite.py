"""Runs the test suite of jsonata-js through Pass states, and writes what differs and why.

The suite is not part of this repository. It is at https://github.com/jsonata-js/jsonata, under the
MIT licence; Step Functions documents version 2.0.6, so check out the tag v2.0.6, and run

    python engine/conformance/jsonata_suite.py PATH/TO/jsonata

A case whose expression has bare names is refused, as AWS refuses it; its value is then that of the
evaluator alone, with the case's data as the context.
"""

import json
import random
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from sfn_local import Engine, InlineFunctions, ManualScheduler, VirtualClock
from sfn_local.errors import InvalidDefinition
from sfn_local.language import jsonata

HERE = Path(__file__).parent
RESULTS = HERE / "jsonata-suite.json"
PAGE = HERE / "jsonata-suite.md"
VERSION = "2.0.6"

EVAL = "AWS has no $eval"
LIMITED = "AWS's limit on levels, memory or time is lower than the suite's"
WITHOUT_CONTEXT = (
    "a state's expression has no context, where the suite's has the data; alone it is equal"
)

Case = dict[str, Any]


def cases(suite: Path) -> Iterator[tuple[str, Case]]:
    """Return the cases of a copy of the suite, with their names."""
    for path in sorted((suite / "groups").glob("*/*.json")):
        listed = json.loads(path.read_text("utf-8"))
        listed = listed if isinstance(listed, list) else [listed]
        for number, case in enumerate(listed):
            if "expr-file" in case:
                case["expr"] = (path.parent / case["expr-file"]).read_text("utf-8")
            name = f"{path.parent.name}/{path.stem}"
            yield (f"{name}#{number}" if len(listed) > 1 else name), case


def data_of(case: Case, suite: Path) -> Any:
    """Return the data that a case is about; nothing where it has none."""
    if "data" in case:
        return case["data"]
    path = suite / "datasets" / f"{case.get('dataset')}.json"
    return json.loads(path.read_text("utf-8")) if path.exists() else jsonata.NOTHING


def wanted(case: Case) -> tuple[str, Any]:
    """Return what the suite expects."""
    if case.get("undefinedResult"):
        return "nothing", None
    code = case.get("code") or (case.get("error") or {}).get("code")
    return ("fails", code) if code else ("gives", case.get("result"))


def run_pass_state(case: Case, data: Any) -> tuple[str, Any]:
    """Return what a Pass state gives, whose Output is the expression."""
    engine = Engine(
        functions=InlineFunctions(lambda _, payload: payload),
        clock=VirtualClock(),
        scheduler=ManualScheduler(seed=1),
    )
    state = {"Type": "Pass", "Output": "{% " + case["expr"] + " %}", "End": True}
    definition = {"QueryLanguage": "JSONata", "StartAt": "it", "States": {"it": state}}
    if case.get("bindings"):
        first = {"Type": "Pass", "Assign": case["bindings"], "Next": "it"}
        definition = {**definition, "StartAt": "given", "States": {"given": first, "it": state}}
    machine = engine.create_state_machine("suite", definition)
    execution = engine.start_execution(machine, input=json.dumps(data))
    engine.run_until(execution)
    described = engine.describe_execution(execution)
    if described["status"] == "SUCCEEDED":
        return "gives", json.loads(described["output"])
    return _failure(described["cause"])


def _failure(cause: str) -> tuple[str, Any]:
    if cause.endswith("returned nothing (undefined)."):
        return "nothing", None
    if "unsupported result type" in cause:
        return "function", None
    _, _, reason = cause.partition("threw an error during evaluation")
    return "fails", reason[2:7] if reason.startswith(". ") else "U1001"


def evaluate(case: Case, data: Any) -> tuple[str, Any]:
    """Return what the evaluator gives, with the data as the context."""
    try:
        run = jsonata.Run(case.get("bindings") or {}, random.Random(1).random)
        value = run.whole(jsonata.parse(case["expr"]), data)
    except jsonata.JsonataError as error:
        return "fails", error.code
    except jsonata.LimitError:
        return "fails", "U1001"
    return ("nothing", None) if value is jsonata.NOTHING else ("gives", _plain(value))


def _plain(value: Any) -> Any:
    if value is jsonata.NOTHING:
        return None
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {name: _plain(field) for name, field in value.items()}
    return value


def outcome(case: Case, data: Any) -> tuple[str, tuple[str, Any]]:
    """Return how a case was run, and what it gave."""
    try:
        return "a Pass state", run_pass_state(case, None if data is jsonata.NOTHING else data)
    except InvalidDefinition as error:
        how = "refused: a bare name, $$ or $states" if "UNSUPPORTED" in str(error) else "refused"
        return how, evaluate(case, data)


def reason(case: Case, data: Any, got: tuple[str, Any]) -> str:
    """Return why a case differs; empty where nothing explains it."""
    if "$eval" in case["expr"]:
        return EVAL
    if got == ("fails", "U1001"):
        return LIMITED
    has_data = data is not jsonata.NOTHING
    return WITHOUT_CONTEXT if has_data and evaluate(case, data) == wanted(case) else ""


def main(arguments: list[str]) -> int:
    """Run the suite of a checkout, and write the results."""
    suite = Path(arguments[0]) / "test" / "test-suite"
    ways: Counter[str] = Counter()
    equal: Counter[str] = Counter()
    different = []
    for name, case in cases(suite):
        data = data_of(case, suite)
        how, got = outcome(case, data)
        ways[how] += 1
        if got == wanted(case):
            equal[how] += 1
        else:
            different.append({"case": name, "run": how, "why": reason(case, data, got)})
    found = {
        "version": VERSION,
        "cases": ways.total(),
        "ways": [{"run": how, "cases": ways[how], "equal": equal[how]} for how in sorted(ways)],
        "different": different,
    }
    RESULTS.write_text(json.dumps(found, indent=1) + "\n", "utf-8")
    PAGE.write_text(page(found), "utf-8")
    print(PAGE.read_text("utf-8"))
    return int(any(not each["why"] for each in different))


def page(found: dict[str, Any]) -> str:
    """Return the results as a page."""
    rows = [f"| {way['run']} | {way['cases']:,} | {way['equal']:,} |" for way in found["ways"]]
    reasons = Counter(each["why"] or "not explained" for each in found["different"])
    lines = [
        "# JSONata: the suite of jsonata-js",
        "",
        f"The {found['cases']:,} cases of the test suite of",
        f"[jsonata-js {VERSION}](https://github.com/jsonata-js/jsonata), each as the",
        "Output of a Pass state. `engine/conformance/jsonata_suite.py` makes this page from a",
        "copy of the suite, which is not part of this repository.",
        "",
        "| the definition | cases | the suite's result |",
        "|---|---:|---:|",
        *rows,
        "",
        "A definition is refused where AWS refuses it: for a bare name at the top level, for `$$`,",
        "or for a syntax error. Without a syntax error the evaluator runs the expression, with the",
        "case's data as the context.",
        "",
        "| differs, since | cases |",
        "|---|---:|",
        *(f"| {why} | {count} |" for why, count in sorted(reasons.items())),
        "",
        "[jsonata-suite.json](jsonata-suite.json) names each of them.",
        "",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
