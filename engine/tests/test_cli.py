import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click
import pytest
from botocore.exceptions import ClientError
from click.testing import CliRunner, Result
from engine.tests.served import client_of

from sfn_local import Engine, InlineFunctions
from sfn_local.cli import cli, command
from sfn_local.server import serve_engine

GOOD = {
    "Comment": "c",
    "TimeoutSeconds": 60,
    "StartAt": "call",
    "States": {
        "call": {
            "Type": "Task",
            "Resource": "arn:aws:states:::lambda:invoke",
            "Parameters": {"FunctionName": "${Function}", "Payload.$": "$"},
            "OutputPath": "$.Payload",
            "TimeoutSeconds": 10,
            "Retry": [{"ErrorEquals": ["States.ALL"], "IntervalSeconds": 3, "MaxAttempts": 1}],
            "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "fail"}],
            "Next": "end",
        },
        "end": {"Type": "Succeed"},
        "fail": {"Type": "Fail", "Error": "E", "Cause": "C"},
    },
}


def invoke(*arguments: str, data: str | None = None) -> Result:
    return CliRunner().invoke(cli, arguments, input=data)


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "statemachine"
    folder.mkdir()
    path = folder / "good.asl.json"
    path.write_text(json.dumps(GOOD, indent=2))
    return path


def write(tmp_path: Path, name: str, value: Any) -> str:
    path = tmp_path / name
    path.write_text(value if isinstance(value, str) else json.dumps(value))
    return str(path)


@pytest.mark.usefixtures("machine")
def test_a_run_prints_path_durations_and_output(tmp_path: Path) -> None:
    stubs = write(tmp_path, "stubs.json", {"call": [{"Throw": {"Error": "Busy"}}, {"ok": True}]})
    result = invoke("run", "good", "--stubs", stubs, "-i", "-", data='{"a": 1}')

    assert result.exit_code == 0
    assert result.output.splitlines() == [
        "call  Task             3 s  2 attempts  Busy",
        "end   Succeed          0 s",
        "",
        "SUCCEEDED after 3 s",
        "{",
        '  "ok": true',
        "}",
    ]


def test_a_failed_run_exits_1_and_says_why(machine: Path, tmp_path: Path) -> None:
    throws = {"call": [{"Throw": {"Error": "Busy"}}] * 2}
    result = invoke("run", str(machine), "--stubs", write(tmp_path, "s.json", throws))

    assert result.exit_code == 1
    assert result.output.splitlines()[-6:] == [
        "FAILED after 3 s",
        "error: E",
        "cause: C",
        "",
        "in the state fail, with",
        '  input {"Error":"Busy","Cause":""}',
    ]


def test_a_machine_of_a_nested_application_is_found_by_its_name(machine: Path) -> None:
    nested = machine.parents[1] / ".nested" / "statemachine"
    nested.mkdir(parents=True)
    machine.rename(nested / "other.asl.json")

    found, absent = invoke("graph", "other"), invoke("graph", "othre")

    assert found.exit_code == 0
    assert "(did you mean other?); the machines in .nested/statemachine/ are: other" in str(
        absent.output
    )


@pytest.mark.usefixtures("machine")
def test_a_run_as_json_has_path_and_result(tmp_path: Path) -> None:
    stubs = write(tmp_path, "stubs.json", {"call": {"Return": [1]}})
    report = json.loads(invoke("run", "good", "--stubs", stubs, "--json").output)

    assert (report["status"], report["output"], report["seconds"]) == ("SUCCEEDED", [1], 0)
    assert [step["state"] for step in report["path"]] == ["call", "end"]


@pytest.mark.usefixtures("machine")
def test_a_state_without_a_stub_is_named() -> None:
    result = invoke("run", "good")

    assert result.exit_code == 1
    assert "the state call was called and has no stub" in result.output
    assert "answer with --stubs, or take a case with --mock" in result.output


@pytest.mark.parametrize(
    ("arguments", "exit_code", "message"),
    [
        (("run", "absent"), 1, "there is no file absent; the machines in statemachine/ are: good"),
        (("run", "good", "-i", "absent.json"), 2, "--input: "),
        (
            ("run", "good", "--stubs", "statemachine/list.json"),
            2,
            "--stubs: stubs are a JSON object",
        ),
        (("run", "good", "--mock", "Case"), 2, "`sfn-local mock new FILE` writes one"),
        (("mock", "new", "statemachine/list.json"), 1, "the definition must be a JSON object"),
        (("serve", "--mock-config", "statemachine/list.json"), 2, "--mock-config: "),
        (("serve", "--wait-time-scale", "-1"), 2, "is not in the range"),
        (("serve", "--port", "65536"), 2, "is not in the range"),
        (("run", "statemachine/broken.json"), 1, "is not JSON"),
        (("run", "statemachine/list.json"), 1, "Definition must be a valid JSON object"),
        (("graph", "statemachine/list.json"), 1, "the definition has no States"),
        (("graph", "good", "--execution", "absent"), 2, "no file absent; an ARN begins with arn:"),
        (("graph", "good", "--execution", "statemachine/broken.json"), 2, "is not JSON"),
        (("graph", "good", "--execution", "statemachine/good.asl.json"), 2, "has no events"),
        (("graph", "good", "--execution", "statemachine/list.json"), 0, "not entered"),
        (("lint", "good", "--ignore", "nonsense"), 2, "there is no rule nonsense"),
        (("serve", "--lambda-endpoint", "ftp://x"), 2, "a Lambda endpoint is an http:// URL"),
        (("serve", "--host", "256.0.0.1"), 1, "choose another --port"),
    ],
)
def test_wrong_usage_says_what_to_do(
    machine: Path, arguments: tuple[str, ...], exit_code: int, message: str
) -> None:
    (machine.parent / "broken.json").write_text("{")
    (machine.parent / "list.json").write_text("[]")
    result = invoke(*arguments)

    assert (result.exit_code, message in result.output) == (exit_code, True)


@pytest.mark.usefixtures("machine")
def test_a_projects_machine_finds_its_test_cases_and_its_input(tmp_path: Path) -> None:
    written = invoke("mock", "new", "good").output
    (tmp_path / "statemachine/MockConfigFile.json").write_text(written)
    (tmp_path / "events/good").mkdir(parents=True)
    (tmp_path / "events/good/start_execution.json").write_text('{"id": "g-1"}')

    report = json.loads(invoke("run", "good", "--mock", "HappyPath", "--json").output)

    assert report["status"] == "SUCCEEDED"
    assert report["path"][0]["input"] == {"id": "g-1"}


@pytest.mark.usefixtures("machine")
def test_a_new_mock_configuration_runs_at_once(tmp_path: Path) -> None:
    printed = invoke("mock", "new", "good")
    (tmp_path / "MockConfigFile.json").write_text(printed.output)
    happy = invoke("run", "good", "--mock", "HappyPath", "--json")
    caught = invoke("run", "good", "--mock", "call_States_TaskFailed", "--json")

    assert printed.exit_code == 0
    assert json.loads(happy.output)["status"] == "SUCCEEDED"
    assert [step["state"] for step in json.loads(caught.output)["path"]] == ["call", "fail"]
    assert json.loads(caught.output)["path"][0]["attempts"] == 2


@pytest.mark.usefixtures("machine")
def test_an_unknown_test_case_is_named(tmp_path: Path) -> None:
    (tmp_path / "MockConfigFile.json").write_text(invoke("mock", "new", "good").output)
    result = invoke("run", "good", "--mock", "Typo")

    assert result.exit_code == 1
    assert "the machine good has no test case Typo; it has HappyPath" in result.output


@pytest.mark.usefixtures("machine")
def test_input_that_is_no_json_fails_the_run() -> None:
    result = invoke("run", "good", "-i", "-", data="{")

    assert result.exit_code == 1
    assert "Invalid State Machine Execution Input" in result.output


@pytest.mark.usefixtures("machine")
def test_a_graph_is_text_mermaid_svg_or_json(tmp_path: Path) -> None:
    drawing = invoke("graph", "good")
    text = invoke("graph", "good", "--mermaid")
    picture = invoke("graph", "good", "--svg", str(tmp_path / "good.svg"))

    assert drawing.output.splitlines()[0].endswith(" call  Task")
    assert drawing.output.isascii()  # it is no terminal
    assert text.output.startswith("flowchart TD\n")
    states = json.loads(invoke("graph", "good", "--json").output)["states"]
    assert [one["name"] for one in states] == ["call", "end", "fail"]
    assert (picture.exit_code, picture.output) == (0, "")
    assert (tmp_path / "good.svg").read_text().startswith("<svg ")
    assert invoke("graph", "good", "--svg", "-").output.startswith("<svg ")


@pytest.mark.usefixtures("machine")
def test_a_trace_shows_the_data_of_each_state(tmp_path: Path) -> None:
    stubs = write(tmp_path, "stubs.json", {"call": {"ok": True}})
    data = write(tmp_path, "input.json", {"a": 1})
    result = invoke("run", "good", "-i", data, "--stubs", stubs, "--trace")

    assert result.output.splitlines()[:6] == [
        "call  Task             0 s",
        '    input {"a":1}',
        '    arguments {"FunctionName":"call","Payload":{"a":1}}',
        '    output {"ok":true}',
        "end   Succeed          0 s",
        '    input {"ok":true}',
    ]


@pytest.mark.usefixtures("machine")
def test_the_path_of_a_written_history_is_coloured(tmp_path: Path) -> None:
    stubs = write(tmp_path, "stubs.json", {"call": {"ok": True}})
    history = str(tmp_path / "history.json")
    invoke("run", "good", "--stubs", stubs, "--history", history)
    drawing = invoke("graph", "good", "--execution", history).output
    lines = invoke("graph", "good", "--execution", history, "--mermaid").output.splitlines()
    picture = invoke("graph", "good", "--execution", history, "--svg", "-").output

    assert drawing.splitlines() == [
        "+.* call  Task",
        ": #",
        ": * end  Succeed",
        ":",
        "+>. fail  Fail",
        "",
        "* succeeded   . not entered",
    ]
    assert lines[1:8] == [
        "  start4(( ))",
        '  s1["call"]:::succeeded',
        '  s2(["end"]):::succeeded',
        '  s3(["fail"]):::idle',
        "  start4 --> s1",
        "  s1 --> s2",
        "  s1 -.-> s3",
    ]
    assert lines[-1] == "  linkStyle 0,1 stroke:#2f855a,stroke-width:3px"
    assert picture.count('class="edge passed"') == 2
    assert picture.count('class="edge catch missed"') == 1
    assert picture.count('class="node Fail idle"') == 1


@pytest.mark.usefixtures("machine")
def test_the_path_of_a_running_engines_execution_is_coloured() -> None:
    wait = {"StartAt": "w", "States": {"w": {"Type": "Wait", "Seconds": 3600, "End": True}}}
    Path("wait.asl.json").write_text(json.dumps(wait))
    engine = Engine(functions=InlineFunctions(lambda *_: b""))
    server = serve_engine(engine, port=0)
    arn = engine.start_execution(engine.create_state_machine("m", wait))
    engine.run_until(lambda: len(engine.history(arn)) > 1, 5)
    arguments = ("--execution", arn, "--endpoint-url", server.url)
    result = invoke("graph", "wait.asl.json", *arguments, "--mermaid")
    absent = invoke("graph", "wait.asl.json", "--execution", f"{arn}x", *arguments[2:])
    server.close()
    engine.close()

    assert '{{"w · 3600 s"}}:::running' in result.output
    assert (absent.exit_code, "ExecutionDoesNotExist" in absent.output) == (1, True)


def test_of_a_good_file_the_lint_says_that_it_is(machine: Path) -> None:
    result = invoke("lint", str(machine))

    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr == "no findings in 1 file\n"


def test_the_lint_shows_place_message_id_and_hint(machine: Path) -> None:
    machine.write_text(machine.read_text().replace('"Next": "end"', '"Next": "ende"'))
    result = invoke("lint", str(machine))

    assert result.exit_code == 1
    assert result.output.splitlines()[0] == (
        f"{machine}:32:7: error: there is no state ende [target-unknown]"
    )
    assert result.output.splitlines()[-1] == "2 errors, 0 warnings in 1 file"


def test_the_lint_as_json_has_every_field(machine: Path) -> None:
    machine.write_text(machine.read_text().replace('"Comment": "c",\n', ""))
    result = invoke("lint", "good", "--advice", "--json")

    assert result.exit_code == 0
    assert json.loads(result.output) == [
        {
            "id": "comment-missing",
            "severity": "advice",
            "message": "the machine has no Comment",
            "state": "",
            "pointer": "",
            "line": 1,
            "column": 1,
            "hint": "Say in one sentence what the machine is for.",
            "file": "statemachine/good.asl.json",
        }
    ]
    assert invoke("lint", "good", "--ignore", "comment-missing").stdout == ""


def test_the_engine_serves_until_it_is_terminated() -> None:
    command = [sys.executable, "-m", "sfn_local.cli", "serve", "--port", "0", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=os.environ) as process:
        assert process.stdout is not None
        ready = json.loads(process.stdout.readline())
        machines = client_of(ready["sfn"]).list_state_machines()["stateMachines"]
        process.send_signal(signal.SIGTERM)
        exit_code = process.wait(timeout=60)

    assert (machines, exit_code, ready["pid"]) == ([], 0, process.pid)


@contextmanager
def serving(*options: str, **environment: str) -> Iterator["tuple[str, subprocess.Popen[str]]"]:
    """The command on a free port: its address and its process, which ends with the block."""
    command = [sys.executable, "-m", "sfn_local.cli", "serve", "--port", "0", "--json", *options]
    env = {**os.environ, **environment}
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, env=env, **pipes) as process:
        try:
            assert process.stdout is not None
            yield json.loads(process.stdout.readline())["sfn"], process
        finally:
            process.terminate()


def test_a_mock_configuration_may_come_after_the_server_has_started(tmp_path: Path) -> None:
    path = tmp_path / "MockConfigFile.json"
    task = {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "End": True}
    task |= {"Parameters": {"FunctionName": "f"}}
    definition = json.dumps({"StartAt": "call", "States": {"call": task}})
    role = "arn:aws:iam::123456789012:role/r"
    with serving(SFN_MOCK_CONFIG=str(path)) as (url, process):
        client = client_of(url)
        made = client.create_state_machine(name="m", definition=definition, roleArn=role)
        cases = {"StateMachines": {"m": {"TestCases": {"Case": {"call": "One"}}}}}
        path.write_text(json.dumps({**cases, "MockedResponses": {"One": {"0": {"Return": 1}}}}))
        started = client.start_execution(stateMachineArn=made["stateMachineArn"] + "#Case")
        while (run := client.describe_execution(executionArn=started["executionArn"]))[
            "status"
        ] == "RUNNING":
            time.sleep(0.01)
        process.terminate()
        _, told = process.communicate(timeout=60)

    assert (run["status"], run["output"]) == ("SUCCEEDED", "1")
    assert f"note: {path} is not there yet" in told


@pytest.mark.parametrize(("host", "status"), [("engine", 200), ("engine.evil.example", 403)])
def test_a_container_may_be_asked_by_its_name(host: str, status: int) -> None:
    with serving(SFN_HOSTS="engine other") as (url, _):
        address = urlsplit(url)
        connection = HTTPConnection(str(address.hostname), address.port)
        connection.request("GET", "/_engine/metrics", headers={"Host": f"{host}:8083"})
        answered = connection.getresponse().status
        connection.close()

    assert answered == status


def test_an_engine_that_cannot_listen_leaves_the_signals_as_they_were() -> None:
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    with socket.create_server(("127.0.0.1", 0)) as taken:
        result = invoke("serve", "--port", str(taken.getsockname()[1]))

    assert result.exit_code == 1
    assert signal.pthread_sigmask(signal.SIG_BLOCK, ()) == before


@pytest.mark.parametrize(
    ("words", "offered"),
    [("sfn-local de", "debug"), ("sfn-local test --c", "--cov"), ("sfn-local mock n", "new")],
)
def test_a_shell_completes_commands_and_options(words: str, offered: str) -> None:
    count = str(len(words.split()) - 1)
    environment = {
        "_SFN_LOCAL_COMPLETE": "bash_complete",
        "COMP_WORDS": words,
        "COMP_CWORD": count,
    }
    result = CliRunner().invoke(cli, [], prog_name="sfn-local", env=environment)

    assert f"plain,{offered}" in result.output.splitlines()


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_completes_commands(shell: str) -> None:
    result = invoke("completion", shell)

    assert result.exit_code == 0
    assert f"_SFN_LOCAL_COMPLETE={shell}_complete" in result.output


def run_program(*arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
    program = [str(Path(sys.executable).with_name("sfn-local")), *arguments]
    return subprocess.run(program, check=False, capture_output=True, text=True, **options)


def test_without_a_command_the_help_is_shown_once() -> None:
    alone = run_program()

    assert (alone.returncode, alone.stdout) == (64, "")
    assert alone.stderr.count("Usage: ") == 1
    assert "Error" not in alone.stderr


def test_a_file_that_cannot_be_written_is_one_line(machine: Path, tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()

    refused = run_program("graph", str(machine), "--svg", str(folder))

    assert (refused.returncode, refused.stderr) == (1, f"error: {folder}: Is a directory\n")


def test_what_aws_refuses_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    @click.command()
    def ask() -> None:
        answer = {"Error": {"Code": "AccessDenied", "Message": "no right to Query"}}
        raise ClientError(answer, "Query")

    monkeypatch.setattr(sys, "argv", ["ask"])
    with pytest.raises(SystemExit) as ended:
        command.run_program(ask)

    said = "An error occurred (AccessDenied) when calling the Query operation: no right to Query"
    assert (ended.value.code, capsys.readouterr().err) == (1, f"error: {said}\n")


def test_what_a_terminal_cannot_show_is_escaped(tmp_path: Path) -> None:
    states = {"確認": {"Type": "Succeed"}}
    path = write(tmp_path, "check.asl.json", {"StartAt": "確認", "States": states})

    ran = run_program("run", path, env={**os.environ, "PYTHONIOENCODING": "latin-1"})

    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout.startswith("\\u78ba\\u8a8d ")
