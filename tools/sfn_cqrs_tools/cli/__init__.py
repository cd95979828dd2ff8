"""The command line `sfn-cqrs`."""

from __future__ import annotations

import gc
from typing import Final, NoReturn

import click

from sfn_local.cli.command import LazyGroup, run_program

FAILED_ROWS: Final = 2
GARBAGE: Final = 50_000, 20, 100
"""How many objects there are before garbage is looked for: to look often takes time."""


def _own(place: str, summary: str) -> tuple[str, str]:
    return f"{__name__}.{place}", summary


# Where each command is, and what the list of commands says of it.
COMMANDS: Final = {
    "up": _own("up:up", "Start the local stack and keep it running."),
    "publish": _own("publish:publish", "Publish a version of an item, or its deletion."),
    "type": _own("type:type_", "Show types: list, show, check."),
    "data": _own("data:data", "Show items: get, list, history."),
    "read-model": _own("read_model:read_model", "Read models: list, show, rebuild, switch, drop."),
    "what-if": _own("what_if:what_if", "Try changed handlers on stored versions."),
    "chain": _own("chain:chain", "Show and repair chains: show, retry, skip."),
    "plan": _own("plan:plan", "Publishes for a moment: list, show, cancel, run."),
    "job": _own("job:job", "Functions on a calendar: list, show, run, pause, resume."),
    "task": _own("task:task", "Run and repair tasks: run, show, list, retry, cancel."),
    "saga": _own("saga:saga", "Run and repair sagas: start, show, list, retry."),
    "repair": _own("repair:repair", "Repair many failures at once: plan, start, list, show."),
    "approval": _own("approval:approval", "Approvals: request, list, show, retry."),
    "approve": _own("approval:approve", "Approve an approval that waits for you."),
    "reject": _own("approval:reject", "Reject an approval that waits for you."),
    "import": _own("imports:import_", "Import files: start, dry-run, show, errors, retry, undo."),
    "import-original": _own(
        "original:import_original", "Import the tables of the TypeScript framework."
    ),
    "restore": _own("restore:restore", "Restore the tables of a stack to a moment."),
    "rehearse": _own("restore:rehearse", "Rehearse a runbook on this machine: restore."),
    "sql": _own("sql:sql", "Migrations of PostgreSQL: migrate, status."),
    "start": _own("execution:start", "Start a state machine, and watch it."),
    "execution": _own("executions:execution", "Executions: list, show, history, graph."),
    "resume": _own("execution:resume", "Resume an execution that waits."),
    "invoke": _own("invoke:invoke", "Invoke the function of one state."),
    "event": _own("invoke:event", "Print a sample event of a state."),
    "logs": _own("logs:logs", "Print and follow the logs of the functions."),
    "trace": _own("trace:trace", "Draw a request, from the API to the read models."),
    "env": _own("env:env", "Print the environment of the running stack."),
    "explain": _own("explain:explain", "Say what an error means, and what to do."),
    "doctor": _own("doctor:doctor", "Find stuck, failed or undelivered work."),
    "usage": _own("usage:usage", "Show what a tenant uses, and its price."),
    "export": _own("export:export", "Export history, for a lake or another system."),
    "tenant": _own("tenant:tenant", "Tenants: list, export, import, restore, erase."),
    "erase": _own("erase:erase", "Erase the stored data of a person."),
    "erasure": _own("erase:erasure", "Erasures: list, show, confirm, replay."),
    "audit": _own("audit:audit", "Look for damage in the stored data."),
    "console": _own("console:console", "Show a stack in the browser, and repair it."),
    "mcp": _own("agents:mcp", "Serve a stack to an agent, as an MCP server."),
    "skill": _own("agents:skill", "Print a skill for agents."),
    "engine": _own("engine:engine", "Serve only the Step Functions engine."),
    "init": _own("init:init", "Make a project of your own."),
    "setup": _own("setup:setup", "Set up the parts of a project that are not packages."),
    "check": _own("check:check", "Check a project: template, machines, handlers, events."),
    "new": _own("new:new", "Write a handler, task, import, route, workflow or saga."),
    "run": ("sfn_local.cli.run:run", "Run any state machine, with stubs for its tasks."),
    "mock": ("sfn_local.cli.run:mock", "Write a MockConfigFile.json for a state machine."),
    "graph": ("sfn_local.cli.graph:graph", "Draw a state machine; `execution graph` draws a run."),
    "lint": ("sfn_local.cli.lint:lint", "Check state machine definitions."),
    "completion": (
        "sfn_local.cli.completion:completion",
        "Print a script that lets a shell complete commands.",
    ),
    "definition": _own("translate:definition", "Print a state machine without placeholders."),
    "translate": _own("translate:translate", "Print template.yaml as CloudFormation."),
}


SECTIONS: Final = {
    "Start": ("up", "console", "doctor", "explain"),
    "Items and read models": ("publish", "plan", "data", "chain", "type", "read-model"),
    "Work": ("import", "task", "job", "saga", "approval", "approve", "reject", "repair"),
    "Executions": ("execution", "start", "resume", "logs", "trace", "invoke", "event", "env"),
    "A project of your own": ("init", "setup", "new", "check", "what-if", "completion"),
    "State machines": ("run", "mock", "graph", "lint", "engine", "definition", "translate"),
    "Operations": (
        "audit",
        "usage",
        "export",
        "erase",
        "erasure",
        "tenant",
        "restore",
        "rehearse",
        "import-original",
        "sql",
        "mcp",
        "skill",
    ),
}
"""All commands, as --help groups them."""

FIRST_STEPS: Final = (
    "sfn-cqrs init clinic             # makes a project, with a first handler",
    "cd clinic && make up             # starts the stack; then in a second terminal",
    """sfn-cqrs publish ITEM 1 --name first --attributes '{"n": 1}' --wait""",
    "sfn-cqrs chain show ITEM 1",
    "sfn-cqrs explain CODE            # what an error means, and what to do",
    "sfn-cqrs COMMAND --help          # shows more of each",
)


@click.command(
    "sfn-cqrs",
    cls=LazyGroup,
    places=COMMANDS,
    first_steps=FIRST_STEPS,
    sections=SECTIONS,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(package_name="sfn-cqrs")
def cli() -> None:
    """Versioned commands on AWS Step Functions, on this machine and on AWS.

    Commands find the local stack by its state folder (--state, or SFN_CQRS_STATE, or
    .sfn-cqrs), and a stack on AWS by its name (--stack). Exit codes: 0 done, 1 failed,
    2 finished with failed rows, 64 wrong usage.
    """
    from sfn_cqrs_tools.cli.options import one_line_errors  # noqa: PLC0415 - --help needs none
    from sfn_cqrs_tools.stack.framework import bring_up_to_date  # noqa: PLC0415

    with one_line_errors():
        bring_up_to_date()


def main() -> NoReturn:
    """Run the command line; every error is one line on standard error."""
    gc.set_threshold(*GARBAGE)
    run_program(cli)
