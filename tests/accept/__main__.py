"""Accept a whole project: `make aws-accept`, on an account; `ARGS=--local`, on this machine."""

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from tests.accept import project, report
from tests.accept.checks import CHECKS, Check
from tests.accept.stacks import Account, Local

ROOT = Path(__file__).parents[2]
SAM = str(ROOT / ".venv-sam/bin/sam")
REPORT = ROOT / ".build/acceptance"
EXPECTED = {"commands": 1_000, "rows": 100_003}
EXPECTED_SECONDS = 4 * 3600
REFUSED = 64


def main(arguments: Sequence[str]) -> int:
    """Make the checks; return 1 if one has failed, and 64 if none was made."""
    asked = _options().parse_args(arguments)
    checks = [one for one in CHECKS if asked.only is None or one.number in asked.only]
    with tempfile.TemporaryDirectory() as folder:
        made = project.made(Path(folder))
        results = _on_this_machine(made, checks) if asked.local else _on_aws(made, checks, asked)
    if results is None:
        return REFUSED
    report.write(results, asked.report)
    print(f"{asked.report}/report.md and report.json have it all")
    return int(any(one.ended == report.FAILED for one in results))


def _options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="make aws-accept ARGS=", description=__doc__)
    add = parser.add_argument
    add("--local", action="store_true", help="all that the local stack can show; no account")
    add("--only", type=_numbers, metavar="N,M", help="these checks alone")
    add("--keep", action="store_true", help="leave the stack as it is, and pay for it")
    add("--yes", action="store_true", help="do not ask")
    add("--stack", default="hotel-accept", help="the stack's name, which the account must not have")
    add("--email", default="nobody@example.com", help="who gets the alarms")
    add("--region")
    add("--profile")
    add("--report", type=Path, default=REPORT, help="the folder of the report")
    return parser


def _numbers(text: str) -> set[int]:
    return {int(one) for one in text.split(",")}


def _told(results: list[report.Result], one: report.Result) -> None:
    results.append(one)
    print(one, flush=True)


def _on_this_machine(made: Path, checks: list[Check]) -> list[report.Result]:
    stack, began = Local(made), time.monotonic()
    results: list[report.Result] = []
    try:
        stack.deploy()
        for one in report.run(stack, checks, began):
            _told(results, one)
    finally:
        stack.stop()
    return results


def _on_aws(
    made: Path, checks: list[Check], asked: argparse.Namespace
) -> list[report.Result] | None:
    for name, value in (("AWS_REGION", asked.region), ("AWS_PROFILE", asked.profile)):
        if value:
            os.environ[name] = value
    os.environ.setdefault("AWS_DEFAULT_REGION", os.environ.get("AWS_REGION", ""))
    stack = Account(made, asked.stack, SAM, asked.email)
    if stack.is_there():
        print(f"the account has a stack {asked.stack}, or one beside it: nothing is done")
        return None
    dollars = report.bill(EXPECTED, EXPECTED_SECONDS)
    print(f"this deploys {asked.stack}, costs about {dollars:.2f} dollars and takes hours")
    if not asked.yes and input("go on? [y/N] ").strip().lower() != "y":
        return None
    results: list[report.Result] = []
    began, wanted = time.monotonic(), [one for one in checks if one.number != CHECKS[-1].number]
    try:
        stack.deploy()
        print(f"deployed in {time.monotonic() - began:.0f} s", flush=True)
        for one in report.run(stack, wanted, began):
            _told(results, one)
    finally:
        if not asked.keep:
            for one in report.run(stack, [CHECKS[-1]], began):
                _told(results, one)
    return results


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
