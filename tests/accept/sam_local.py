"""SAM's own tools on this project: build, deploy to the local fabric, invoke in Lambda's container.

Deploying proves the template, and that a stack without an issuer is refused; deploying the example
proves a project, in whose stack the framework's is nested. Invoking proves
the package: layers, byte code, handler and event, on the local stack: each state's function gets
its sample event with all that it refers to, and has to answer.

Exit codes: 0 all do, or this machine lacks what is needed; 1 something does not.
REQUIRE_SAM_LOCAL=1 makes a skip a failure. SAM's own variables apply, such as
SAM_SKIP_PULL_IMAGE=1 for an image that is there already.
"""

import json
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sfn_cqrs_tools.client.aws import find_target
from sfn_cqrs_tools.runtime.fabric import CREDENTIALS, Ministack, failure_of, session
from sfn_cqrs_tools.runtime.listening import for_containers, up_for_us
from sfn_cqrs_tools.runtime.template import Template
from sfn_cqrs_tools.stack.local_stack import LocalStack
from sfn_cqrs_tools.stack.sample_items import Rehearsal, each_of
from sfn_cqrs_tools.stack.settings import Settings

ROOT = Path(__file__).parents[2]
SAM = ROOT / ".venv-sam/bin/sam"
FABRIC_PYTHON = ROOT / ".venv-fabric/bin/python"
EXAMPLE = ROOT / "examples/shop"
BUILT = ROOT / ".build/sam-local"
ARCHITECTURE = "arm64" if platform.machine() in {"arm64", "aarch64"} else "x86_64"
ISSUER = ("JwtIssuer=https://issuer.example.com", "JwtAudience=client")
STACK = "sfn-cqrs-dev"
CLOSED_PORT = "http://127.0.0.1:9"  # the discard port: nobody answers, and that at once
HOST = up_for_us().rpartition(" ")[2]
"""What containers of this system call this machine by."""


class Report:
    """Prints a line for each thing tried, and remembers whether any went wrong."""

    def __init__(self) -> None:
        self.failed = False

    def tell(self, what: str, wrong: str | None) -> None:
        self.failed = self.failed or wrong is not None
        print(f"FAIL {what}: {wrong}" if wrong else f"ok   {what}", flush=True)

    def skip(self, what: str, reason: str) -> None:
        self.failed = self.failed or os.environ.get("REQUIRE_SAM_LOCAL") == "1"
        print(f"SKIP {what}: {reason}", flush=True)


def sam(*arguments: str, endpoint: str = CLOSED_PORT) -> subprocess.CompletedProcess[str]:
    """Run SAM CLI to its end, with AWS at an endpoint."""
    return subprocess.run(
        [str(SAM), *arguments],
        cwd=ROOT,
        env={
            **os.environ,
            **CREDENTIALS,
            "AWS_ENDPOINT_URL": endpoint,
            "SAM_CLI_TELEMETRY": "0",
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


def overrides(*parameters: str) -> tuple[str, ...]:
    return ("--parameter-overrides", f"Architecture={ARCHITECTURE}", *parameters)


def deploy(endpoint: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Deploy what was built, as samconfig.toml has it for dev unless told otherwise."""
    built = ("--template-file", str(BUILT / "template.yaml"))
    config = ("--config-file", str(ROOT / "samconfig.toml"), "--config-env", "dev")
    return sam("deploy", *built, *config, "--no-confirm-changeset", *arguments, endpoint=endpoint)


def deploys(report: Report) -> None:
    """Deploy to the local fabric, without an issuer and with one."""
    fabric = Ministack(FABRIC_PYTHON, BUILT / "fabric.log")
    fabric.start({})
    try:
        fabric.wait()
        refused = deploy(fabric.endpoint)
        is_refused = refused.returncode and "NoDeployWithoutIssuer" in refused.stderr
        report.tell("no issuer, no deploy", None if is_refused else _end_of(refused))
        done = deploy(fabric.endpoint, *overrides(*ISSUER, "MachineApi=enabled"))
        report.tell("sam deploy", _failure(done, fabric.endpoint) if done.returncode else None)
        report.tell("sam deploy of a project", example(fabric.endpoint))
    finally:
        fabric.stop()


def example(endpoint: str) -> str | None:
    """Build and deploy the example, whose stack has the framework's nested in it."""
    built, config = BUILT / "example", str(EXAMPLE / "samconfig.toml")
    template = ("--template-file", str(EXAMPLE / "template.yaml"))
    done = sam("build", *template, "--build-dir", str(built), *overrides())
    if done.returncode:
        return _end_of(done)
    stack = ("--template-file", str(built / "template.yaml"), "--config-file", config)
    options = ("--config-env", "dev", "--no-confirm-changeset", *overrides(*ISSUER))
    done = sam("deploy", *stack, *options, endpoint=endpoint)
    return _end_of(done) if done.returncode else None


def _failure(done: subprocess.CompletedProcess[str], endpoint: str) -> str:
    if "ROLLBACK" not in done.stderr:
        return _end_of(done)
    return failure_of(session().client("cloudformation", endpoint_url=endpoint), STACK)


def invokes(report: Report) -> None:
    """Invoke the function of every state with its event, against a stack that runs."""
    template = Template.load(ROOT / "template.yaml")
    with LocalStack(Settings(state_dir=BUILT / "state", hosts=(HOST,), reload=False)) as stack:
        environment = for_containers(dict(stack.info.environment), HOST)
        env_file = BUILT / "env.json"
        env_file.write_text(json.dumps({"Parameters": environment}), encoding="utf-8")
        rehearsal = Rehearsal(find_target(stack.state.path, None), sample)
        for machine, state in states(template):
            ready = rehearsal.ready(machine, state)
            answer = None
            for before, event in ready.before:
                function = template.state_function(machine, before)
                for one in each_of(before, event, answer):
                    payload = json.dumps(one).encode()
                    answer = json.loads(stack.functions.invoke(function.name, payload))
            path = BUILT / "event.json"
            path.write_text(json.dumps(ready.event), encoding="utf-8")
            function = template.state_function(machine, state).logical_id
            done = sam(
                *("local", "invoke", function, "--template", str(BUILT / "template.yaml")),
                *("--event", str(path), "--env-vars", str(env_file)),
                *overrides(),
            )
            if done.returncode:
                report.tell(function, _end_of(done))
                return  # the engine or its image: the others would say the same
            report.tell(function, problem(done))


def problem(done: subprocess.CompletedProcess[str]) -> str | None:
    """Say what is wrong with a function's answer, the last line; SAM's status does not tell."""
    lines = done.stdout.strip().splitlines()
    if not lines:
        return f"no answer: {_end_of(done)}"
    answer = json.loads(lines[-1])
    has_failed = isinstance(answer, dict) and "errorType" in answer
    return lines[-1] if has_failed else None


def sample(machine: str, state: str) -> dict[str, Any]:
    """The sample event of a state."""
    path = ROOT / "events" / machine.replace("-", "_") / f"{state}.json"
    event: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return event


def states(template: Template) -> Iterator[tuple[str, str]]:
    """Yield machine and state of each Task; those of the express lane are the command machine's."""
    for machine in template.machines.values():
        if machine.key.endswith("-express"):
            continue
        for name, body in machine.states():
            if body["Type"] == "Task":
                yield machine.key, name


def without_engine() -> str | None:
    """Say why no container can run here, if none can."""
    if not shutil.which("docker"):
        return "no docker on PATH"
    engine = subprocess.run(["docker", "version"], capture_output=True, check=False, timeout=30)
    return None if engine.returncode == 0 else "no Docker engine runs here"


def _end_of(done: subprocess.CompletedProcess[str]) -> str:
    return (done.stdout + done.stderr).strip()[-2000:]


def main() -> int:
    """Try everything that this machine can."""
    report = Report()
    if not shutil.which("python3.13"):
        report.skip("sam-local-test", "no python3.13 on PATH, which sam build needs")
        return int(report.failed)
    built = sam("build", "--build-dir", str(BUILT), *overrides())
    report.tell("sam build", _end_of(built) if built.returncode else None)
    if report.failed:
        return 1
    deploys(report)
    reason = without_engine()
    if reason:
        report.skip("sam local invoke", reason)
    else:
        invokes(report)
    return int(report.failed)


if __name__ == "__main__":
    sys.exit(main())
