"""What a saga of five steps costs in each form: declared, and with a machine of its own.

Both are written by `sfn-cqrs new saga` into a new project, whose stack runs here. Their steps do
nothing, so what is counted is the framework's: from the HTTP call to the notice of the end. A
declared saga makes all steps in one invocation; its functions are taken to last as long together.
"""

import sys
import tempfile
from collections.abc import Iterator
from contextlib import chdir, contextmanager
from pathlib import Path

from click.testing import CliRunner
from report import Figure, main
from stacks import AS_DEPLOYED
from waiting import until, until_quiet

from sfn_cqrs_tools.cli import cli
from sfn_cqrs_tools.client.prices import million
from sfn_cqrs_tools.project import CHECKOUT
from sfn_cqrs_tools.runtime.recorder import Recorder
from sfn_cqrs_tools.stack.framework import bring_up_to_date
from sfn_cqrs_tools.stack.local_stack import LocalStack
from sfn_cqrs_tools.testing.client import Client
from sfn_cqrs_tools.testing.quick_stack import quick_stack

STEPS = ("book", "pay", "pack", "send", "tell")
DECLARED, OWN = "declared", "own-machine"
STATE_SECONDS, GIGABYTES = 0.05, 0.5
"""How long a function lasts, or a step in it, which is an estimate, and the memory that it has."""
NOTIFIER = "QueueOnNotificationFunction"
ACCEPTED = 202
MOST = 1.1
"""A declared saga costs at most a tenth more."""


def measure() -> list[Figure]:
    """Measure both forms on one stack, and compare them."""
    recorder = Recorder()
    with a_project() as template, _stack(template, recorder) as stack:
        return of_both(stack, recorder)


@contextmanager
def a_project() -> Iterator[Path]:
    """A new project with a saga of each form; answers its template."""
    known = [*sys.path]
    with tempfile.TemporaryDirectory() as folder:
        made = ["init", "bench", "--type", "PARCEL", "--wheels", str(CHECKOUT)]
        with chdir(folder):
            _run(made)
        project = Path(folder) / "bench"
        with chdir(project):
            saga = ["--steps", ",".join(STEPS), "--publish", "members"]
            _run(["new", "saga", DECLARED, *saga])
            _run(["new", "saga", OWN, *saga, "--own-machine"])
        bring_up_to_date(project)
        yield project / "template.yaml"
    sys.path[:] = known


def _run(arguments: list[str]) -> None:
    result = CliRunner().invoke(cli, arguments)
    if result.exit_code:
        raise RuntimeError(f"{' '.join(arguments)}: {result.output}")


@contextmanager
def _stack(template: Path, recorder: Recorder) -> Iterator[LocalStack]:
    with (
        tempfile.TemporaryDirectory() as state,
        quick_stack(
            template=template, state_dir=state, recorder=recorder, parameters=AS_DEPLOYED
        ) as stack,
    ):
        yield stack


def of_both(stack: LocalStack, recorder: Recorder) -> list[Figure]:
    """What each form takes, and how much more the declared one costs."""
    figures, dollars = [], {}
    for form in (OWN, DECLARED):
        _run_saga(stack, recorder, form)  # clients, connections and modules are made once
        execution = _run_saga(stack, recorder, form)
        taken = _taken(stack, recorder, execution)
        dollars[form] = million(taken)
        figures += [
            Figure(f"{what}, {form}", count, f"{unit} per saga")
            for what, unit, count in (
                ("state transitions", "transitions", taken["state transition"]),
                ("Lambda invocations", "invocations", taken["invocation"]),
                ("write units", "WRU", taken["write unit"]),
                ("read units", "RRU", taken["read unit"]),
            )
        ]
        figures.append(Figure(f"dollars a million, {form}", dollars[form], "$ a million"))
    ratio = dollars[DECLARED] / dollars[OWN]
    return [*figures, Figure("declared, beside its own machine", ratio, "times", MOST)]


def _taken(stack: LocalStack, recorder: Recorder, execution: str) -> dict[str, float]:
    invocations = recorder.invocation_counts()
    calls = recorder.call_counts()
    count = sum(invocations.values())
    together = len(STEPS) - 1 if invocations["SagaRunStepsFunction"] else 0
    history = stack.engine.history(execution)
    return {
        "state transition": sum(event["type"].endswith("StateEntered") for event in history),
        "invocation": count,
        "GB-second, arm64": (count + together) * STATE_SECONDS * GIGABYTES,
        "write unit": recorder.write_units,
        "read unit": recorder.read_units,
        "API request": 1,
        "SNS publish": calls["sns.Publish"] + calls["sns.PublishBatch"],
    }


def _run_saga(stack: LocalStack, recorder: Recorder, form: str) -> str:
    """Run a saga; answers its execution once all is quiet."""
    ended: list[str] = []

    def on_status_change(execution: dict[str, str]) -> None:
        if execution["status"] != "RUNNING":
            ended.append(execution["executionArn"])

    stack.engine.on_status_change.append(on_status_change)
    recorder.clear()
    with Client(stack.http) as client:
        status, answer = client.send("POST", "/sagas", {"saga": form, "input": {"id": "1"}})
    if status != ACCEPTED:
        raise RuntimeError(f"starting a saga answered {status}: {answer}")
    until(lambda: bool(ended))
    until(lambda: recorder.invocation_counts()[NOTIFIER] > 0)
    until_quiet(recorder)
    stack.engine.on_status_change.remove(on_status_change)
    return ended[0]


if __name__ == "__main__":
    main("A saga of five steps, declared and with a machine of its own", measure)
