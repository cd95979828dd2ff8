"""record: an execution's history as a test case."""

import json
from pathlib import Path
from typing import Any

import click
import yaml

from sfn_local.cli.command import DONE, command
from sfn_local.cli.debug import asks_of, history_of
from sfn_local.cli.history import endpoint_option
from sfn_local.cli.showing import echo
from sfn_local.document import Json
from sfn_local.recording import file_case


@command(
    examples=(
        "aws stepfunctions get-execution-history --execution-arn ARN > history.json",
        "sfn-local record history.json --machine order.asl.json --to order.test.yaml",
        "sfn-local record arn:aws:states:…:execution:order:o-1 --profile dev --name 'order o-1'",
        "sfn-local test order.test.yaml",
    ),
)
@click.argument("execution", metavar="HISTORY|ARN")
@click.option("--name", metavar="TEXT", help="The name of the case.  [default: the file's]")
@click.option("--machine", metavar="FILE", help="The definition, from the file of cases.")
@click.option(
    "--to",
    "target",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Add the case to this YAML file, which is made if it is missing.  [default: print it]",
)
@endpoint_option("Where an ARN's history is")
@click.option("--profile", metavar="NAME", help="Ask AWS itself, with this profile's credentials.")
def record(
    execution: str,
    name: str | None,
    machine: str | None,
    target: Path | None,
    endpoint_url: str,
    profile: str | None,
) -> int:
    """Write a test case from an execution: its input, its tasks' answers, its path and its end.

    The history is the JSON of get-execution-history, or the lines of an EXPRESS machine's log. The
    case has the input and the answers as they were: look at it before you commit it.
    """
    recording = history_of(execution, asks_of(endpoint_url, profile))
    case = file_case(name or Path(execution.rpartition(":")[2]).stem, recording)
    if target is None:
        echo(_text({**_machine(machine), "cases": [case]}), nl=False)
        return DONE
    existing = yaml.safe_load(target.read_text("utf-8")) if target.is_file() else None
    content: dict[str, Any] = {**_machine(machine), "cases": []}
    if isinstance(existing, dict):
        content = existing
    cases = [each for each in content["cases"] if each.get("name") != case["name"]]
    target.write_text(_text({**content, "cases": [*cases, case]}), "utf-8")
    echo(f"wrote {case['name']} to {target}")
    return DONE


def _machine(machine: str | None) -> dict[str, str]:
    return {} if machine is None else {"machine": machine}


def _text(content: Json) -> str:
    plain = json.loads(json.dumps(content))  # without anchors, where a value is there twice
    return str(yaml.safe_dump(plain, sort_keys=False, allow_unicode=True))
