"""The command line `sfn-local`."""

from typing import NoReturn

import click

from sfn_local.cli.command import PROGRAM, LazyGroup, run_program

COMMANDS = {
    "run": ("sfn_local.cli.run:run", "Run a state machine, with stand-ins for its tasks."),
    "test": ("sfn_local.cli.test:test", "Run test cases from YAML, JSON or a mock configuration."),
    "record": ("sfn_local.cli.record:record", "Write a test case from an execution's history."),
    "debug": ("sfn_local.cli.debug:debug", "Show why an execution failed, and replay it."),
    "mock": ("sfn_local.cli.run:mock", "Write a MockConfigFile.json for a state machine."),
    "graph": ("sfn_local.cli.graph:graph", "Draw a state machine, and the path of an execution."),
    "lint": ("sfn_local.cli.lint:lint", "Check state machine definitions."),
    "schema": ("sfn_local.cli.schema:schema", "Print a JSON Schema for an editor."),
    "conform": ("sfn_local.cli.conform:conform", "Compare an endpoint with Step Functions."),
    "serve": ("sfn_local.cli.serve:serve", "Serve the API of Step Functions on a port."),
    "mcp": ("sfn_local.cli.agents:mcp", "Serve the commands to an agent, as an MCP server."),
    "skill": ("sfn_local.cli.agents:skill", "Print a skill for agents that write state machines."),
    "completion": (
        "sfn_local.cli.completion:completion",
        "Print a script that lets a shell complete commands.",
    ),
}

FIRST_STEPS = (
    "sfn-local lint order.asl.json",
    "sfn-local mock new order.asl.json > MockConfigFile.json",
    "sfn-local run order.asl.json --mock HappyPath",
    "sfn-local COMMAND --help         # options and examples",
)


@click.command(
    PROGRAM,
    cls=LazyGroup,
    places=COMMANDS,
    first_steps=FIRST_STEPS,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(package_name=PROGRAM)
def cli() -> None:
    """AWS Step Functions on this machine: any ASL file, no AWS account, no Docker.

    Exit codes: 0 done, 1 failed, 64 wrong usage.
    """


def main() -> NoReturn:
    """Run the command line; every error is one line on standard error."""
    run_program(cli)
