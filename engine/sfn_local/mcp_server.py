"""The commands as tools of the Model Context Protocol, for an agent that writes state machines.

Each call of a tool is a command in a process of its own, which is ended if it takes too long.
A file that a tool is given lies below the folder in which the server runs.
"""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from importlib.metadata import version
from inspect import cleandoc
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mcp.server import MCPServer

PATIENCE_SECONDS = 60.0
INSTRUCTIONS = (
    "Works on state machines of AWS Step Functions, without AWS. Lint a definition after each "
    "change; run it with stubs for its tasks; explain the history of an execution that failed, "
    "and record it as a test case. A definition or a history is a file or its text."
)


class CommandError(Exception):
    """A command cannot do what it is asked for."""


def lint(definition: str, advice: bool = False) -> dict[str, Any]:
    """Find mistakes in a state machine's definition, or in a template that has some.

    An error is what AWS refuses or what cannot work; a warning is a mistake that AWS takes.
    Each finding has its line, column and a hint. Advice also says what could be safer.

    Raises:
        CommandError: there is no such file, or it cannot be read.
    """
    with _file(definition, "machine.asl.json") as file:
        printed, noted = _command("lint", file, "--json", *(["--advice"] if advice else []))
    return {"findings": json.loads(printed), "notes": noted.splitlines()}


def run(
    definition: str,
    data: Any = None,
    stubs: dict[str, Any] | None = None,
    mock_config: str | None = None,
    case: str | None = None,
) -> dict[str, Any]:
    """Run a state machine on stand-ins for its tasks; waits and retries take no time.

    Data is the input. Stubs are the answers by the names of states: a value, {"Return": value}
    or {"Throw": {"Error": "...", "Cause": "..."}}, or a list with one for each call. A case is a
    test case of the MockConfigFile.json that mock_config names.

    Raises:
        CommandError: the definition is refused, or a task has no answer.
    """
    with (
        _file(definition, "machine.asl.json") as file,
        _file(json.dumps({} if data is None else data), "input.json") as given,
        _file(json.dumps(stubs or {}), "stubs.json") as answers,
        _file(mock_config or "{}", "MockConfigFile.json") as mocks,
    ):
        named = [] if case is None else [f"--mock={case}", f"--mock-config={mocks}"]
        options = [f"--input={given}", f"--stubs={answers}", *named, "--json"]
        printed, refused = _command("run", file, *options)
    if refused:
        raise CommandError(refused)
    return dict(json.loads(printed))


def explain(history: str, definition: str | None = None) -> str:
    """Say where and why an execution failed, from its history; long secrets are masked.

    The history is the JSON of get-execution-history. With a definition, mended or as it was, it
    also runs that on the recorded answers, and says where the new path or its data differ.

    Raises:
        CommandError: it is no history, or the definition is refused.
    """
    with (
        _file(history, "history.json") as file,
        _file(definition or "", "machine.asl.json") as machine,
    ):
        replay = [] if definition is None else [f"--definition={machine}"]
        return _command("debug", file, *replay)[0]


def record(history: str, name: str, machine: str) -> str:
    """Return a test case, as YAML, that repeats an execution: its input, answers, path and end.

    Machine is the definition's file, as seen from the file of cases. The case has the
    execution's data: look at it before it is committed.

    Raises:
        CommandError: it is no history.
    """
    with _file(history, "history.json") as file:
        return _command("record", file, f"--name={name}", f"--machine={machine}")[0]


def test(cases: str) -> dict[str, Any]:
    """Run the test cases of a file, such as order.test.yaml, and list the ways that none takes.

    A case has an input, stubs or mocks by state, and what is expected.

    Raises:
        CommandError: there is no such file, or a case is not well formed.
    """
    with _file(cases, "machine.test.yaml") as file:
        return dict(json.loads(_command("test", file, "--json")[0]))


TOOLS: tuple[Callable[..., Any], ...] = (lint, run, explain, record, test)


def make_server() -> "MCPServer":
    """Return the server; `run("stdio")` serves.

    Raises:
        ImportError: the package mcp is not installed.
    """
    from mcp.server import MCPServer  # noqa: PLC0415 - of an extra
    from mcp.server.mcpserver.exceptions import ToolError  # noqa: PLC0415
    from mcp.types import ToolAnnotations  # noqa: PLC0415

    def told(tool: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(tool)
        def call(**given: Any) -> Any:
            try:
                return tool(**given)
            except CommandError as problem:
                raise ToolError(str(problem)) from None

        return call

    server: MCPServer = MCPServer(
        "sfn-local", instructions=INSTRUCTIONS, version=version("sfn-local"), log_level="WARNING"
    )
    hints = ToolAnnotations(read_only_hint=True, open_world_hint=False)
    for tool in TOOLS:
        said = cleandoc(tool.__doc__ or "").partition("\n\nRaises:")[0]
        server.add_tool(told(tool), description=said, annotations=hints)
    return server


@contextmanager
def _file(given: str, name: str) -> Iterator[str]:
    """Give the file that is named, or one with the text that is given."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / name
        if not given.strip() or given.lstrip()[0] in '{["' or "\n" in given or _is_json(given):
            path.write_text(given, encoding="utf-8")
        else:
            path = Path(given).resolve()
            if not path.is_relative_to(Path.cwd()):
                raise CommandError(f"{given} is not below {Path.cwd()}")
        yield str(path)


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def _command(*arguments: str) -> tuple[str, str]:
    """Run a command; what it prints, and what it says beside that."""
    command = [sys.executable, "-P", "-m", "sfn_local.cli", *arguments]
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            timeout=PATIENCE_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise CommandError(f"it was ended after {PATIENCE_SECONDS:.0f} seconds") from None
    if not done.stdout:
        raise CommandError(done.stderr.strip() or f"it ended with {done.returncode}")
    return done.stdout, done.stderr.strip()
