"""Known vulnerabilities in what is locked, as pip-audit hears of them from the package index.

Fails on one in what ships (the layers' locks); one in a tool of this checkout is shown. Where no
advisories can be had (no network, an index without them) the reason is shown, and nothing fails.
Ends within LIMIT seconds. `accepted-advisories.txt` names those that you looked at and live with.
"""

import json
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
PIP_AUDIT = FOLDER.parent / ".venv-supply/bin/pip-audit"
SHIPPED = ("layer", "app")
LOCKS = (*SHIPPED, "dev", "fabric", "sam", "checkov", "supply", "uv", "docs")
LIMIT = 60

MISUSED = 2  # how argparse ends
Run = Callable[[list[str], float], tuple[int, str, str]]
"""Runs a command for at most so many seconds; answers its exit code, stdout and stderr."""


class NoAnswerError(Exception):
    """Nothing can be said of a lock; the message is the reason."""


@dataclass(frozen=True)
class Finding:
    """One advisory about one pinned package."""

    package: str
    advisory: str
    fixed_in: str
    is_shipped: bool

    def __str__(self) -> str:
        """Say what it is about and what to do."""
        where = "ships" if self.is_shipped else "a tool"
        mend = f"fixed in {self.fixed_in}: make lock ARGS=--upgrade" if self.fixed_in else "no fix"
        return f"{self.package} ({where}): {self.advisory}, {mend}"


def audit(lock: str, run: Run, seconds: float) -> list[Finding]:
    """Answer what is known about the packages of one lock.

    Raises:
        NoAnswerError: nobody could be asked, or nobody knows any of them.
    """
    path = FOLDER / f"{lock}.lock"
    command = [str(PIP_AUDIT), "--disable-pip", "--progress-spinner=off", "--timeout=10"]
    accepted = [f"--ignore-vuln={advisory}" for advisory in _accepted()]
    if seconds <= 0:
        raise NoAnswerError(f"no answer within {LIMIT} s")
    try:
        code, output, problem = run(
            [*command, *accepted, "--format=json", f"--requirement={path}"], seconds
        )
    except subprocess.TimeoutExpired:
        raise NoAnswerError(f"no answer within {LIMIT} s") from None
    if code == MISUSED:
        raise RuntimeError(problem)
    try:
        packages = json.loads(output)["dependencies"]
    except ValueError:
        raise NoAnswerError((problem.strip().splitlines() or ["no answer"])[-1]) from None
    known = [package for package in packages if "skip_reason" not in package]
    if packages and not known:
        raise NoAnswerError("the package index has no advisories")
    return [
        Finding(
            f"{package['name']} {package['version']}",
            found["id"],
            ", ".join(found["fix_versions"]),
            lock in SHIPPED,
        )
        for package in known
        for found in package["vulns"]
    ]


def _accepted() -> list[str]:
    lines = (FOLDER / "accepted-advisories.txt").read_text(encoding="utf-8").splitlines()
    return [line.split()[0] for line in lines if line.strip() and not line.startswith("#")]


def _run(command: list[str], seconds: float) -> tuple[int, str, str]:
    done = subprocess.run(command, capture_output=True, text=True, timeout=seconds, check=False)
    return done.returncode, done.stdout, done.stderr


def main(run: Run = _run, clock: Callable[[], float] = time.monotonic) -> int:
    """Audit each lock; answer 1 when something that ships is vulnerable."""
    end = clock() + LIMIT
    failed = False
    for lock in LOCKS:
        if not (FOLDER / f"{lock}.lock").exists():
            continue
        try:
            findings = audit(lock, run, end - clock())
        except NoAnswerError as error:
            print(f"audit skipped from {lock}.lock on: {error}")
            break
        for finding in findings:
            print(finding, file=sys.stderr)
        failed = failed or any(finding.is_shipped for finding in findings)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
