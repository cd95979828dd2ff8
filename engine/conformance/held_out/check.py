"""Run this engine on the definitions of public repositories, and write the figures.

    .venv/bin/python engine/conformance/held_out/check.py           # clones them with git
    .venv/bin/python engine/conformance/held_out/check.py --from DIR  # DIR/OWNER+NAME are clones
    .venv/bin/python engine/conformance/held_out/check.py --ministack http://127.0.0.1:4566

Without a MiniStack that serves, its column stays as it is.

Each repository is read at the commit that repositories.json names; none of its text is kept here.
A definition is a JSON file with StartAt and States. Each is linted as it stands, created with its
placeholders filled in by one rule, and run on the first case that `mock new` writes for it.
Nobody looks at a repository of the half "held" while the engine is mended.
"""

import argparse
import json
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import ClientError
from moto import mock_aws

from sfn_local import Engine, InlineFunctions, VirtualClock
from sfn_local.errors import ApiError
from sfn_local.lint import lint
from sfn_local.lint.json_positions import PLACEHOLDER, JsonSyntaxError, parse
from sfn_local.mock_skeleton import HAPPY, mock_skeleton
from sfn_local.mocks import MockConfig

HERE = Path(__file__).parent
REPOSITORIES = HERE / "repositories.json"
FIGURES = HERE / "figures.json"
PAGE = HERE.parents[1] / "CONFORMANCE.md"
REVIEWED = HERE / "reviewed.json"
PLACE = re.compile(r"(<!-- held-out -->)\n.*?(<!-- end -->)", re.DOTALL)
PLACE_OF_REVIEWED = re.compile(r"(<!-- reviewed -->)\n.*?(<!-- end -->)", re.DOTALL)
WRONG_ON_PURPOSE = "/invalid-"
CLONES = HERE.parents[2] / ".build" / "held-out"
FUNCTION = "arn:aws:lambda:us-east-1:123456789012:function:f"
PARTITION = re.compile(rf"arn:(?:{PLACEHOLDER.pattern}):")
NUMBERS = re.compile(r"MaxConcurrency|.*Seconds|Numeric.*|Max.*|BackoffRate|Tolerated.*")
SUFFIXES = (".json", ".asl", ".tpl", ".tftpl")
LARGEST = 1_048_576
COLUMNS = (
    "definitions",
    "created",
    "without an error",
    "without a finding",
    "ends",
    "moto creates",
    "ministack creates",
)
OF_MINISTACK = COLUMNS[-1]


def clone_of(repository: str, commit: str, folder: Path | None) -> Path:
    """The git directory of a repository, which is fetched if it is not there."""
    if folder is not None:
        return next((folder / repository.replace("/", "+")).rglob("HEAD")).parent
    path = CLONES / repository.replace("/", "+")
    if not path.exists():
        git("init", "--quiet", "--bare", str(path))
    git(
        "-C",
        str(path),
        "fetch",
        "--quiet",
        "--depth",
        "1",
        f"https://github.com/{repository}",
        commit,
    )
    return path


def git(*arguments: str) -> bytes:
    """What git prints."""
    return subprocess.run(["git", *arguments], check=True, capture_output=True).stdout


def definitions_of(clone: Path, commit: str) -> Iterator[tuple[str, str]]:
    """The definitions at a commit, each once, with the first of its paths."""
    seen = set()
    for path in definition_files(clone, commit):
        text = git("-C", str(clone), "show", f"{commit}:{path}").decode("utf-8", "replace")
        if text not in seen and is_definition(text):
            seen.add(text)
            yield path, text


def definition_files(clone: Path, commit: str) -> Iterator[str]:
    """The files at a commit that can be definitions by their name and size."""
    listed = git("-C", str(clone), "ls-tree", "-r", "-l", "-z", commit).decode()
    for line in filter(None, listed.split("\0")):
        described, path = line.split("\t", 1)
        size = described.split()[3]
        if path.endswith(SUFFIXES) and size.isdigit() and int(size) <= LARGEST:
            yield path


def is_definition(text: str) -> bool:
    """Whether a text is a machine of the States Language."""
    try:
        value = parse(text, at_rest=True).value if '"StartAt"' in text else None
    except JsonSyntaxError:
        return False
    return isinstance(value, dict) and "StartAt" in value and "States" in value


def filled(value: Any, name: str = "") -> Any:
    """A value with something for each placeholder: a function, the number 1 or a name."""
    if isinstance(value, dict):
        return {key: filled(inner, key) for key, inner in value.items()}
    if isinstance(value, list):
        return [filled(inner) for inner in value]
    if not isinstance(value, str) or not PLACEHOLDER.search(value):
        return value
    if PLACEHOLDER.fullmatch(value) and name == "Resource":
        return FUNCTION
    value = PARTITION.sub("arn:aws:", value)
    if PLACEHOLDER.fullmatch(value) and NUMBERS.fullmatch(name):
        return 1
    return PLACEHOLDER.sub("1" if "{%" in value else "x", value)


def figures_of(text: str, ministack: str | None = None) -> dict[str, bool]:
    """What this engine, moto and a MiniStack at an address do with one definition."""
    definition = filled(parse(text, at_rest=True).value)
    severities = {finding.severity for finding in lint(text)}
    return {
        "definitions": True,
        "created": is_created(definition),
        "without an error": "error" not in severities,
        "without a finding": not severities - {"advice"},
        "ends": ends(definition),
        "moto creates": is_created_by_moto(definition),
        OF_MINISTACK: ministack is not None and is_created_at(ministack, definition),
    }


def is_created(definition: Any) -> bool:
    """Whether CreateStateMachine takes it."""
    engine = Engine(functions=InlineFunctions(lambda *_: b"{}"), clock=VirtualClock())
    try:
        engine.create_state_machine("m", definition)
    except ApiError:
        return False
    return True


def ends(definition: Any) -> bool:
    """Whether an execution of the first case of `mock new` comes to an end."""
    try:
        mocks = MockConfig(json.dumps(mock_skeleton("m", definition)))
    except ValueError:
        mocks = MockConfig(
            '{"StateMachines": {"m": {"TestCases": {"HappyPath": {}}}}, "MockedResponses": {}}'
        )
    engine = Engine(functions=InlineFunctions(lambda *_: b"{}"), clock=VirtualClock(), mocks=mocks)
    try:
        arn = engine.create_state_machine("m", definition)
        execution = engine.start_execution(f"{arn}#{HAPPY}", "e", "{}")
        engine.run_until(execution)
    except ApiError:
        return False
    return engine.describe_execution(execution)["status"] != "RUNNING"


def is_created_by_moto(definition: Any) -> bool:
    """Whether moto takes it."""
    with mock_aws():
        return is_created_at(None, definition)


def is_created_at(url: str | None, definition: Any) -> bool:
    """Whether an emulator takes it."""
    keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
    client = boto3.client("stepfunctions", region_name="us-east-1", endpoint_url=url, **keys)
    given = {"definition": json.dumps(definition), "roleArn": "arn:aws:iam::123456789012:role/r"}
    try:
        created = client.create_state_machine(name="m", **given)
        client.delete_state_machine(stateMachineArn=created["stateMachineArn"])
    except ClientError:
        return False
    return True


def main() -> None:
    """Measure each repository; print what is not created, and nobody has reviewed."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--from", dest="folder", type=Path, help="clones that are there already")
    parser.add_argument("--ministack", metavar="URL", help="where a MiniStack serves")
    asked = parser.parse_args()
    before = {each["commit"]: each for each in json.loads(FIGURES.read_text("utf-8"))}
    figures = []
    for entry in json.loads(REPOSITORIES.read_text("utf-8")):
        clone = clone_of(entry["repository"], entry["commit"], asked.folder)
        counts: Counter[str] = Counter()
        for path, text in definitions_of(clone, entry["commit"]):
            found = figures_of(text, asked.ministack)
            counts.update(name for name, holds in found.items() if holds)
            if entry["half"] == "looked at" and not found["created"] and not is_known(entry, path):
                sys.stdout.write(f"{entry['repository']} {path}\n")
        if asked.ministack is None:
            counts[OF_MINISTACK] = before.get(entry["commit"], {}).get(OF_MINISTACK, 0)
        figures.append({**entry, **{name: counts[name] for name in COLUMNS}})
    FIGURES.write_text(json.dumps(figures, indent=1) + "\n", "utf-8")
    page = PAGE.read_text("utf-8")
    page = PLACE.sub(lambda found: f"{found[1]}\n{table(figures)}{found[2]}", page)
    page = PLACE_OF_REVIEWED.sub(lambda found: f"{found[1]}\n{reviewed()}{found[2]}", page)
    PAGE.write_text(page, "utf-8")


def is_known(entry: dict[str, Any], path: str) -> bool:
    """Whether a definition is wrong on purpose, or somebody has reviewed why it is refused."""
    known = {(each["repository"], each["path"]) for each in json.loads(REVIEWED.read_text("utf-8"))}
    return WRONG_ON_PURPOSE in path or (entry["repository"], path) in known


def reviewed() -> str:
    """The refused definitions that are not wrong on purpose, in Markdown."""
    lines = ["| definition | verdict | why it is refused |", "|---|---|---|"]
    for each in json.loads(REVIEWED.read_text("utf-8")):
        name = f"{each['repository']}: {each['path'].rpartition('/')[2]}"
        lines.append(f"| {name} | {each['verdict']} | {each['reason']} |")
    return "\n".join(lines) + "\n"


def table(figures: list[dict[str, Any]]) -> str:
    """The figures in Markdown, and the sums of both halves."""
    lines = [f"| repository | half | {' | '.join(COLUMNS)} |", "|---|---|" + "---:|" * len(COLUMNS)]
    for each in figures:
        cells = " | ".join(str(each[name]) for name in COLUMNS)
        lines.append(f"| {each['repository']} @ {each['commit'][:8]} | {each['half']} | {cells} |")
    for half in ("looked at", "held"):
        sums = (sum(each[name] for each in figures if each["half"] == half) for name in COLUMNS)
        lines.append(f"| **all** | {half} | {' | '.join(map(str, sums))} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
