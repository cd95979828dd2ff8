"""The command line `sfn-cqrs`."""

from __future__ import annotations

from typing import Final, NoReturn

import click

from sfn_local.cli.command import LazyGroup, run_program

FAILED_ROWS: Final = 2

# Where each command is, and what the list of commands says of it.
COMMANDS: Final = {
    "up": ("sfn_cqrs_local.cli.up:up", "Start the local stack and keep it running."),
    "demo": ("sfn_cqrs_local.cli.demo:demo", "Run the whole system on real airports."),
    "publish": (
        "sfn_cqrs_local.cli.publish:publish",
        "Publish a version of an item, or its deletion.",
    ),
    "data": ("sfn_cqrs_local.cli.data:data", "Look at items: get, list, history."),
    "read-model": (
        "sfn_cqrs_local.cli.read_model:read_model",
        "Look at read models: list, show.",
    ),
    "chain": ("sfn_cqrs_local.cli.chain:chain", "Look at and repair chains: show, redrive, skip."),
    "task": (
        "sfn_cqrs_local.cli.task:task",
        "Run and repair tasks: run, show, list, retry, cancel.",
    ),
    "saga": ("sfn_cqrs_local.cli.saga:saga", "Run and repair sagas: start, show, list, redrive."),
    "repair": (
        "sfn_cqrs_local.cli.repair:repair",
        "Repair in bulk what has failed: plan, start, show.",
    ),
    "approval": ("sfn_cqrs_local.cli.approval:approval", "Approvals: request, list, show, retry."),
    "approve": ("sfn_cqrs_local.cli.approval:approve", "Approve what waits for you."),
    "reject": ("sfn_cqrs_local.cli.approval:reject", "Reject what waits for you."),
    "import": (
        "sfn_cqrs_local.cli.imports:import_",
        "Import files: start, dry-run, status, errors, retry.",
    ),
    "restore": (
        "sfn_cqrs_local.cli.restore:restore",
        "Restore the tables of a stack to a moment.",
    ),
    "rehearse": (
        "sfn_cqrs_local.cli.restore:rehearse",
        "Go through a runbook on this machine: restore.",
    ),
    "sql": ("sfn_cqrs_local.cli.sql:sql", "Migrations of PostgreSQL: migrate, status."),
    "start": ("sfn_cqrs_local.cli.execution:start", "Start a state machine, and watch it."),
    "execution": (
        "sfn_cqrs_local.cli.executions:execution",
        "Executions: list, show, history, graph.",
    ),
    "resume": ("sfn_cqrs_local.cli.execution:resume", "Let an execution go on that waits."),
    "invoke": ("sfn_cqrs_local.cli.invoke:invoke", "Invoke the function of one state."),
    "event": ("sfn_cqrs_local.cli.invoke:event", "Print a sample event of a state."),
    "logs": ("sfn_cqrs_local.cli.logs:logs", "Read what the functions log, and follow it."),
    "trace": ("sfn_cqrs_local.cli.trace:trace", "Draw a request, from the API to the read models."),
    "env": ("sfn_cqrs_local.cli.env:env", "Print the environment of the running stack."),
    "explain": (
        "sfn_cqrs_local.cli.explain:explain",
        "Say what an error means, and what to do.",
    ),
    "doctor": (
        "sfn_cqrs_local.cli.doctor:doctor",
        "Look for what is stuck, failed or undelivered.",
    ),
    "console": (
        "sfn_cqrs_local.cli.console:console",
        "Show a stack in the browser, and repair it.",
    ),
    "engine": ("sfn_cqrs_local.cli.engine:engine", "Serve the Step Functions engine alone."),
    "init": ("sfn_cqrs_local.cli.init:init", "Make a package of your own below app/."),
    "new": (
        "sfn_cqrs_local.cli.new:new",
        "Write a workflow, handler, task, import or route.",
    ),
    "run": ("sfn_local.cli.run:run", "Run any state machine, with stand-ins for its tasks."),
    "mock": ("sfn_local.cli.run:mock", "Write a MockConfigFile.json for a state machine."),
    "graph": ("sfn_local.cli.graph:graph", "Draw a state machine; `execution graph` draws a run."),
    "lint": ("sfn_local.cli.lint:lint", "Check state machine definitions."),
    "completion": (
        "sfn_local.cli.completion:completion",
        "Print what lets a shell complete commands.",
    ),
    "definition": (
        "sfn_cqrs_local.cli.translate:definition",
        "Print a state machine without placeholders.",
    ),
    "translate": (
        "sfn_cqrs_local.cli.translate:translate",
        "Print template.yaml as CloudFormation.",
    ),
}


FIRST_STEPS: Final = (
    "sfn-cqrs up                      # in one terminal, then in another",
    """sfn-cqrs publish ORDER o-1 --name first --attributes '{"customer":"c1","total":5}'""",
    "sfn-cqrs chain show ORDER o-1",
    "sfn-cqrs explain CODE            # what an error means, and what to do",
    "sfn-cqrs COMMAND --help          # tells more of each",
)


@click.command(
    "sfn-cqrs",
    cls=LazyGroup,
    places=COMMANDS,
    first_steps=FIRST_STEPS,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(package_name="sfn-cqrs")
def cli() -> None:
    """Versioned commands on AWS Step Functions, on this machine and on AWS.

    Commands find the local stack by its state folder (--state, or SFN_CQRS_STATE, or
    .sfn-cqrs), and a stack on AWS by its name (--stack). Exit codes: 0 done, 1 failed,
    2 finished with failed rows, 64 wrong usage.
    """


def main() -> NoReturn:
    """Run the command line; every error is one line on standard error."""
    run_program(cli)
