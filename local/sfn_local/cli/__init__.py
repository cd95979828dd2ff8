"""The command line `sfn-cqrs`."""

from __future__ import annotations

import importlib
import sys
from typing import Final, NoReturn

import click

DONE: Final = 0
FAILED: Final = 1
FAILED_ROWS: Final = 2
USAGE: Final = 64

# Where each command is, and what the list of commands says of it. Modules are imported when
# their command is run: the list must not wait for boto3.
COMMANDS: Final = {
    "up": ("sfn_local.cli.up:up", "Start the local stack and keep it running."),
    "demo": ("sfn_local.cli.demo:demo", "Run the whole system on real airports."),
    "publish": ("sfn_local.cli.publish:publish", "Publish a version of an item, or its deletion."),
    "data": ("sfn_local.cli.data:data", "Look at items: get, list, history."),
    "chain": ("sfn_local.cli.chain:chain", "Look at and repair chains: show, redrive, skip."),
    "task": ("sfn_local.cli.task:task", "Run and repair tasks: run, show, list, retry, cancel."),
    "saga": ("sfn_local.cli.saga:saga", "Run and repair sagas: start, show, list, redrive."),
    "approval": ("sfn_local.cli.approval:approval", "Approvals: request, list, show, retry."),
    "approve": ("sfn_local.cli.approval:approve", "Approve what waits for you."),
    "reject": ("sfn_local.cli.approval:reject", "Reject what waits for you."),
    "import": (
        "sfn_local.cli.imports:import_",
        "Import files: start, dry-run, status, errors, retry.",
    ),
    "start": ("sfn_local.cli.execution:start", "Start a state machine, and watch it."),
    "resume": ("sfn_local.cli.execution:resume", "Let an execution go on that waits."),
    "invoke": ("sfn_local.cli.invoke:invoke", "Invoke the function of one state."),
    "event": ("sfn_local.cli.invoke:event", "Print a sample event of a state."),
    "doctor": ("sfn_local.cli.doctor:doctor", "Look for what is stuck, failed or undelivered."),
    "engine": ("sfn_local.cli.engine:engine", "Serve the Step Functions engine alone."),
    "new": ("sfn_local.cli.new:new", "Write a workflow, handler, task or import of your own."),
    "run": ("sfn_local.cli.run:run", "Run any state machine, with stand-ins for its tasks."),
    "mock": ("sfn_local.cli.run:mock", "Write a MockConfigFile.json for a state machine."),
    "graph": ("sfn_local.cli.graph:graph", "Draw a state machine."),
    "lint": ("sfn_local.cli.lint:lint", "Check state machine definitions."),
    "translate": ("sfn_local.cli.translate:translate", "Print template.yaml as CloudFormation."),
}


FIRST_STEPS: Final = (
    "sfn-cqrs up                      # in one terminal, then in another",
    """sfn-cqrs publish ORDER o-1 --name first --attributes '{"customer":"c1","total":5}'""",
    "sfn-cqrs chain show ORDER o-1",
    "sfn-cqrs COMMAND --help          # tells more of each",
)


class _LazyGroup(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        del ctx
        if cmd_name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[cmd_name][0].partition(":")
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl([(name, summary) for name, (_, summary) in COMMANDS.items()])

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        del ctx
        with formatter.section("First steps"):
            for step in FIRST_STEPS:
                formatter.write(" " * formatter.current_indent + step + "\n")


@click.command(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="sfn-cqrs")
def cli() -> None:
    """Versioned commands on AWS Step Functions, on this machine and on AWS.

    Commands find the local stack by its state folder (--state, or SFN_CQRS_STATE, or
    .sfn-cqrs), and a stack on AWS by its name (--stack). Exit codes: 0 done, 1 failed,
    2 finished with failed rows, 64 wrong usage.
    """


def main() -> NoReturn:
    """Run the command line; every error is one line on standard error."""
    try:
        result = cli.main(standalone_mode=False)
    except click.UsageError as error:
        error.show()
        sys.exit(USAGE)
    except click.ClickException as error:
        _fail(error.format_message())
    except (click.Abort, KeyboardInterrupt):
        _fail("interrupted")
    except BrokenPipeError:
        sys.exit(DONE)  # `| head` has seen enough
    sys.exit(result if isinstance(result, int) else DONE)


def _fail(message: str) -> NoReturn:
    print(f"error: {message}", file=sys.stderr)
    sys.exit(FAILED)
