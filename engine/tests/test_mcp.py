"""The tools of an agent, called as an agent calls them: by the client of the package mcp."""

import asyncio
import json
import os
import re
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

import pytest
import yaml
from click.testing import CliRunner
from mcp import Client, StdioServerParameters
from mcp.client.stdio import stdio_client

from sfn_local import mcp_server
from sfn_local.cli import COMMANDS, cli

T = TypeVar("T")
ORDER = {
    "StartAt": "charge",
    "TimeoutSeconds": 900,
    "States": {
        "charge": {
            "Type": "Task",
            "Resource": "arn:aws:states:::lambda:invoke",
            "Parameters": {"FunctionName": "charge", "Payload.$": "$"},
            "OutputPath": "$.Payload",
            "Retry": [{"ErrorEquals": ["Busy"], "IntervalSeconds": 60}],
            "End": True,
        }
    },
}
TEXT = json.dumps(ORDER)
DECLINED = {"charge": {"Throw": {"Error": "CardDeclined", "Cause": "no money"}}}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that the server runs in."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "order.asl.json").write_text(TEXT)
    return tmp_path


def ask(*calls: tuple[str, dict[str, Any]]) -> list[Any]:
    """Call tools of one server; an answer, or the text of a refusal."""

    async def answers(client: Client) -> list[Any]:
        return [await _call(client, name, given) for name, given in calls]

    return with_client(mcp_server.make_server(), answers)


def with_client(server: Any, use: Callable[[Client], Awaitable[T]]) -> T:
    async def session() -> T:
        async with Client(server) as client:
            return await use(client)

    return asyncio.run(session())


async def _call(client: Client, name: str, given: dict[str, Any]) -> Any:
    result = await client.call_tool(name, given)
    text = "".join(getattr(part, "text", "") for part in result.content)
    if result.is_error:
        return f"refused: {text}"
    return result.structured_content if result.structured_content is not None else text


def history(folder: Path, stubs: dict[str, Any]) -> str:
    """The history of an execution, as a file."""
    (folder / "stubs.json").write_text(json.dumps(stubs))
    arguments = ["run", "order.asl.json", "--stubs", "stubs.json", "--history", "history.json"]
    CliRunner().invoke(cli, arguments)
    return "history.json"


def test_an_agent_finds_five_tools_that_say_what_they_take() -> None:
    async def tools(client: Client) -> Any:
        return (await client.list_tools()).tools

    listed = {tool.name: tool for tool in with_client(mcp_server.make_server(), tools)}

    assert list(listed) == ["lint", "run", "explain", "record", "test"]
    assert listed["run"].input_schema["required"] == ["definition"]
    assert set(listed["run"].input_schema["properties"]) == {
        "definition", "data", "stubs", "mock_config", "case",
    }  # fmt: skip
    assert all(tool.annotations.read_only_hint for tool in listed.values())
    assert all(len(tool.description.splitlines()) > 1 for tool in listed.values())
    assert not any("Raises" in tool.description for tool in listed.values())


@pytest.mark.usefixtures("folder")
def test_lint_says_where_the_mistake_is_in_a_file_and_in_a_text() -> None:
    broken = TEXT.replace('"End": true', '"Next": "pack"')
    right, wrong, warned = ask(
        ("lint", {"definition": "order.asl.json"}),
        ("lint", {"definition": broken}),
        ("lint", {"definition": TEXT, "advice": True}),
    )

    assert right == {"findings": [], "notes": []}
    assert [each["id"] for each in wrong["findings"]] == ["end-missing", "target-unknown"]
    assert {each["severity"] for each in warned["findings"]} == {"advice"}


@pytest.mark.usefixtures("folder")
def test_run_takes_stubs_and_cases_and_refuses_what_has_no_answer(folder: Path) -> None:
    mocks = {
        "StateMachines": {"order": {"TestCases": {"Paid": {"charge": "Paid"}}}},
        "MockedResponses": {"Paid": {"0": {"Return": {"Payload": "receipt-2"}}}},
    }
    (folder / "mocks.json").write_text(json.dumps(mocks))
    busy = {"charge": [{"Throw": {"Error": "Busy"}}, "receipt-1"]}
    paid, failed, mocked, none = ask(
        ("run", {"definition": TEXT, "data": {"id": "o-1"}, "stubs": busy}),
        ("run", {"definition": TEXT, "stubs": DECLINED}),
        ("run", {"definition": "order.asl.json", "mock_config": "mocks.json", "case": "Paid"}),
        ("run", {"definition": TEXT}),
    )

    assert (paid["status"], paid["output"], paid["seconds"]) == ("SUCCEEDED", "receipt-1", 60)
    assert paid["path"][0]["input"] == {"id": "o-1"}
    assert (failed["status"], failed["error"], failed["stoppedIn"]) == (
        "FAILED", "CardDeclined", ["charge"],
    )  # fmt: skip
    assert mocked["output"] == "receipt-2"
    assert "the state charge was called and has no stub" in none


@pytest.mark.proof
def test_a_history_is_explained_and_becomes_a_test(folder: Path) -> None:
    failed = history(folder, DECLINED)
    told, mended, case = ask(
        ("explain", {"history": failed}),
        ("explain", {"history": failed, "definition": "order.asl.json"}),
        ("record", {"history": failed, "name": "declined", "machine": "order.asl.json"}),
    )
    (folder / "order.test.yaml").write_text(case["result"])
    (tested,) = ask(("test", {"cases": "order.test.yaml"}))

    assert "in the state charge" in told["result"]
    assert "no money" in told["result"]
    assert "The replay takes the same path, on the same data." in mended["result"]
    assert yaml.safe_load(case["result"])["cases"][0]["expect"]["error"] == "CardDeclined"
    assert [(each["case"], each["complaint"]) for each in tested["cases"]] == [("declined", None)]


def test_a_file_elsewhere_is_not_read(folder: Path) -> None:
    inside = folder / "project"
    inside.mkdir()
    os.chdir(inside)
    (inside / "link.asl.json").symlink_to(folder / "order.asl.json")
    refused = ask(
        ("lint", {"definition": "../order.asl.json"}),
        ("lint", {"definition": "link.asl.json"}),
        ("explain", {"history": "/etc/passwd"}),
        ("lint", {"definition": "absent.asl.json"}),
        ("explain", {"history": "{}"}),
    )

    for text, named in zip(
        refused, ("../order.asl.json", "link.asl.json", "/etc/passwd"), strict=False
    ):
        assert text.startswith("refused: ")
        assert text.endswith(f": {named} is not below {inside}")
    assert "there is no file" in refused[3]
    assert "there are no events" in refused[4]


@pytest.mark.usefixtures("folder")
def test_what_takes_too_long_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mcp_server, "PATIENCE_SECONDS", 0.01)
    (refused,) = ask(("lint", {"definition": TEXT}))

    assert refused.endswith(": it was ended after 0 seconds")


@pytest.mark.proof
@pytest.mark.real_time("the server is a process, as an agent starts it")
def test_an_agent_starts_the_server_and_talks_to_it(folder: Path) -> None:
    async def talk(client: Client) -> Any:
        return await _call(client, "lint", {"definition": "order.asl.json"})

    command = StdioServerParameters(
        command=sys.executable, args=["-m", "sfn_local.cli", "mcp"], cwd=str(folder)
    )
    answer = with_client(stdio_client(command), talk)

    assert answer == {"findings": [], "notes": []}


def test_without_the_extra_the_command_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [each for each in sys.modules if each.partition(".")[0] == "mcp"]:
        monkeypatch.setitem(sys.modules, name, None)
    result = CliRunner().invoke(cli, ["mcp"])

    assert (result.exit_code, "install 'sfn-local[mcp]'" in result.output) == (1, True)


def test_the_skill_has_a_head_and_names_commands_and_options_that_there_are() -> None:
    skill = CliRunner().invoke(cli, ["skill"]).output
    _, head, text = skill.split("---\n", 2)
    given = yaml.safe_load(head)
    named = re.findall(r"^sfn-local (\w+)([^\n#]*)", text, re.M)

    assert given.keys() == {"name", "description"}
    assert len(given["description"]) < 1024
    assert {command for command, _ in named} == {"lint", "run", "test", "debug", "record"}
    for command, options in named:
        help_of = CliRunner().invoke(cli, [command, "--help"]).output
        assert command in COMMANDS
        assert all(option in help_of for option in re.findall(r"--\w+", options))
