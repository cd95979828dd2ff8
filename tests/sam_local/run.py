"""Runs every state of the machines in Lambda's container, with its file in events/.

What this proves is the package: layers, byte code, handler and event. AWS itself stands
behind a closed port, so a function that is well packaged ends at its first call to it.

Exit codes: 0 all do, or there is no engine to ask; 1 one does not. REQUIRE_SAM_LOCAL=1 makes
a skip a failure. SAM's own variables apply, such as SAM_SKIP_PULL_IMAGE=1 for an image that
is there already.
"""

import json
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from sfn_local.template import Template

ROOT = Path(__file__).parents[2]
SAM = ROOT / ".venv-sam/bin/sam"
BUILT = ROOT / ".build/sam-local"
ARCHITECTURE = "arm64" if platform.machine() in {"arm64", "aarch64"} else "x86_64"
ENDPOINT = "http://127.0.0.1:9"  # the discard port: nobody answers, and that at once
VARIABLES = "      Variables:\n"
CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "none",
    "AWS_SECRET_ACCESS_KEY": "none",
    "AWS_DEFAULT_REGION": "us-east-1",
}


def missing() -> str | None:
    """Say what this machine lacks for the test, if anything."""
    if not shutil.which("python3.13"):
        return "no python3.13 on PATH, which sam build needs"
    if not shutil.which("docker"):
        return "no docker on PATH"
    engine = subprocess.run(["docker", "version"], capture_output=True, check=False, timeout=30)
    return None if engine.returncode == 0 else "no Docker engine runs here"


def sam(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run SAM CLI to its end; what it reports goes to its stderr."""
    return subprocess.run(
        [str(SAM), *arguments, "--parameter-overrides", f"Architecture={ARCHITECTURE}"],
        cwd=ROOT,
        env={**os.environ, **CREDENTIALS, "SAM_CLI_TELEMETRY": "0"},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


def build() -> Path:
    """Build the project with AWS out of reach; answers the built template."""
    done = sam("build", "--build-dir", str(BUILT))
    if done.returncode:
        raise SystemExit(f"sam build failed:\n{done.stderr}")
    template = BUILT / "template.yaml"
    text = template.read_text(encoding="utf-8")
    endpoint = f"        AWS_ENDPOINT_URL: {ENDPOINT}\n"
    template.write_text(text.replace(VARIABLES, VARIABLES + endpoint, 1), encoding="utf-8")
    return template


def states() -> Iterator[tuple[str, Path]]:
    """Yield the function of each Task state, and its event."""
    template = Template.load(ROOT / "template.yaml")
    for machine in template.machines.values():
        group = machine.key.replace("-", "_")
        for name, body in machine.states():
            if body["Type"] == "Task":
                event = ROOT / "events" / group / f"{name}.json"
                yield template.state_function(machine.key, name).logical_id, event


def problem(template: Path, function: str, event: Path) -> str | None:
    """Invoke a function and say what is wrong with how it ended, if anything.

    SAM's exit status tells only of the engine; the function's answer is the last line.
    """
    done = sam("local", "invoke", function, "--template", str(template), "--event", str(event))
    if done.returncode:
        raise SystemExit(f"sam local invoke cannot run {function}:\n{done.stderr}")
    lines = done.stdout.strip().splitlines()
    if not lines:
        return f"no answer: {done.stderr.strip()[-2000:]}"
    answer = json.loads(lines[-1])
    ended = answer.get("errorType") if isinstance(answer, dict) else None
    return None if ended == "EndpointConnectionError" else lines[-1]


def main() -> int:
    """Invoke every state, one line each."""
    reason = missing()
    if reason:
        sys.stdout.write(f"SKIP sam-local-test: {reason}\n")
        return 1 if os.environ.get("REQUIRE_SAM_LOCAL") == "1" else 0
    template = build()
    failed = 0
    for function, event in states():
        wrong = problem(template, function, event)
        failed += wrong is not None
        sys.stdout.write(
            f"{'FAIL' if wrong else 'ok  '} {function}{f': {wrong}' if wrong else ''}\n"
        )
        sys.stdout.flush()
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
