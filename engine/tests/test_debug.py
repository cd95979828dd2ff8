"""debug: ten kinds of failure, each from its history."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from engine.tests.conftest import Lab, Run

from sfn_local import Engine, FunctionError, InlineFunctions, ManualScheduler, VirtualClock
from sfn_local.cli import cli
from sfn_local.recording import RecordingError, mock_configuration, read, replay
from sfn_local.server import serve_engine

INVOKE = "arn:aws:states:::lambda:invoke"
FUNCTION = "arn:aws:lambda:us-east-1:000000000000:function:charge"
CHARGE: dict[str, Any] = {
    "Type": "Task",
    "Resource": INVOKE,
    "Parameters": {"FunctionName": "charge", "Payload.$": "$"},
    "OutputPath": "$.Payload",
    "Next": "pack",
}
PACK = {"Type": "Pass", "End": True}
ORDER: dict[str, Any] = {"StartAt": "charge", "States": {"charge": CHARGE, "pack": PACK}}


def history(run: Run) -> str:
    return json.dumps({"events": run.events}, default=lambda moment: moment.isoformat())


def machine(**fields: Any) -> dict[str, Any]:
    return {"StartAt": "charge", "States": {"charge": {**CHARGE, **fields}, "pack": PACK}}


Debug = Callable[..., Result]


@pytest.fixture
def debug(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Debug:
    """A function that runs `debug` on a history, with a definition if there is one."""
    monkeypatch.chdir(tmp_path)

    def run(text: str, definition: Any = None, *arguments: str) -> Result:
        (tmp_path / "history.json").write_text(text)
        given: tuple[str, ...] = ()
        if definition is not None:
            (tmp_path / "order.asl.json").write_text(json.dumps(definition))
            given = ("--definition", "order.asl.json")
        command = ["debug", "history.json", *given, *arguments]
        return CliRunner().invoke(cli, command, standalone_mode=False)

    return run


SAME = "The replay takes the same path, on the same data."
REDRIVE = "AWS can redrive it: aws stepfunctions redrive-execution --execution-arn ARN"
OLD = "AWS cannot redrive it: it ended more than 14 days ago"


def failing(error: str, cause: str = "because") -> Any:
    def function(_: Any) -> Any:
        raise FunctionError(error, cause)

    return function


def test_a_throttled_function_is_told_and_a_retry_mends_it(debug: Debug) -> None:
    lab = Lab(functions={"charge": failing("Lambda.TooManyRequestsException")})
    text = history(lab.run(ORDER, {"id": 1}))
    told = debug(text, ORDER).output
    retry = [{"ErrorEquals": ["Lambda.TooManyRequestsException"], "IntervalSeconds": 2}]
    Path("app.py").write_text("def handler(event, context):\n    return event['id'] + 1\n")
    mended = debug(text, machine(Retry=retry), "--function", "charge=app:handler").output

    assert told.splitlines()[:4] == [
        "charge  Task                  Lambda.TooManyRequestsException",
        "",
        "FAILED after 0 s",
        "error: Lambda.TooManyRequestsException",
    ]
    assert 'input {"id":1}' in told
    assert "The function is throttled" in told
    assert OLD in told
    assert SAME in told
    assert "only now it came to pack" in mended
    assert mended.endswith("SUCCEEDED after 0 s\n2\n")


def test_a_time_out_is_told(debug: Debug) -> None:
    run = Lab(hang={"charge"}).run(machine(TimeoutSeconds=30), {"id": 1})
    told = debug(history(run), machine(TimeoutSeconds=30)).output

    assert "States.Timeout: The task did not end" in told
    assert "FAILED after 30 s" in told


def test_a_catch_that_hides_an_error_is_told(debug: Debug) -> None:
    catch = [{"ErrorEquals": ["States.ALL"], "Next": "fail"}]
    definition = machine(Catch=catch)
    definition["States"]["fail"] = {"Type": "Fail", "Error": "Cancelled"}
    run = Lab(functions={"charge": failing("CardDeclined", "no money")}).run(definition, {"id": 1})
    told = debug(history(run), definition).output

    assert "error: Cancelled" in told
    assert 'charge caught CardDeclined: no money\n  input {"id":1}' in told
    assert SAME in told


def test_data_that_a_path_does_not_find_are_told(debug: Debug) -> None:
    definition = machine(Parameters={"FunctionName": "charge", "Payload.$": "$.order"})
    text = history(Lab(functions={"charge": lambda _: 1}).run(definition, {"id": 1}))
    told = debug(text, definition).output
    Path("app.py").write_text("def handler(event, context):\n    return event\n")
    mended = debug(text, ORDER, "--function", "charge=app:handler").output

    assert "The JSONPath '$.order' specified for the field 'Payload.$' could not be found" in told
    assert "States.Runtime: The data do not fit" in told
    assert SAME in told
    assert "SUCCEEDED" in mended


def test_a_lost_token_is_told_and_masked(debug: Debug) -> None:
    parameters = {"FunctionName": "charge", "Payload": {"taskToken.$": "$$.Task.Token"}}
    definition = machine(
        Resource=f"{INVOKE}.waitForTaskToken", Parameters=parameters, HeartbeatSeconds=60
    )
    run = Lab(functions={"charge": lambda _: None}).run(definition, {"id": 1})
    told = debug(history(run), definition).output

    assert "States.Timeout: The task did not end, or show that it lives" in told
    assert '"taskToken":"***"' in told


ITEMS = {
    "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
    "StartAt": "charge",
    "States": {"charge": {**CHARGE, "Next": "end"}, "end": {"Type": "Pass", "End": True}},
}
ROWS = {
    "StartAt": "rows",
    "States": {
        "rows": {
            "Type": "Map",
            "ItemsPath": "$.l",
            "ItemProcessor": ITEMS,
            "ResultPath": "$.r",
            "End": True,
        }
    },
}


def test_a_map_run_that_failed_too_often_is_told(debug: Debug) -> None:
    run = Lab(functions={"charge": failing("E")}).run(ROWS, {"l": [1, 2]})
    told = debug(history(run), ROWS).output

    assert "States.ExceedToleratedFailureThreshold: More items failed" in told
    assert "list-executions --map-run-arn" in told
    assert SAME in told


def test_a_child_of_a_distributed_map_is_debugged_by_its_own_history(debug: Debug) -> None:
    lab = Lab(functions={"charge": failing("E", "row 1")})
    run = lab.run(ROWS, {"l": [{"row": 1}]})
    map_run = lab.engine.list_map_runs(run.arn)[0]["mapRunArn"]
    child = lab.engine.list_children(map_run, None, None)[0]["executionArn"]
    told = debug(history(Run(lab.engine, child)), ROWS, "--child-of", "rows").output

    assert 'input {"row":1}' in told
    assert "cause: row 1" in told
    assert SAME in told


def test_an_execution_that_was_redriven_is_replayed_to_its_end(debug: Debug) -> None:
    lab = Lab(functions={"charge": failing("E")})
    run = lab.run(ORDER, {"id": 1})
    lab.functions["charge"] = lambda event: event
    lab.engine.redrive_execution(run.arn, None)
    lab.engine.run_until(run.arn)
    result = debug(history(run), ORDER)

    assert run.status == "SUCCEEDED"
    assert SAME in result.output
    assert "redrive" not in result.output


def test_an_expression_that_failed_is_told(debug: Debug) -> None:
    state = {"Type": "Pass", "Output": "{% $states.input.none %}", "End": True}
    definition = {"QueryLanguage": "JSONata", "StartAt": "a", "States": {"a": state}}
    told = debug(history(Lab().run(definition, {"id": 1})), definition).output

    assert "States.QueryEvaluationError: An expression has no value" in told
    assert SAME in told


def test_the_log_of_an_express_execution_is_read(debug: Debug, tmp_path: Path) -> None:
    log = tmp_path / "express.log"
    engine = Engine(
        functions=InlineFunctions(lambda _name, _payload: failing("E", "c")(None)),
        clock=VirtualClock(),
        scheduler=ManualScheduler(),
        express_log=log,
    )
    arn = engine.create_state_machine("m", ORDER, "EXPRESS")
    engine.start_execution(arn, input='{"id":1}')
    engine.run_until_idle()
    told = debug(log.read_text(), ORDER).output

    assert "error: E" in told
    assert 'input {"id":1}' in told
    assert SAME in told
    assert "AWS cannot redrive it: its machine is EXPRESS; start it again" in told


def test_the_history_of_an_express_execution_is_known_by_its_arn(debug: Debug) -> None:
    lab = Lab(functions={"charge": failing("E")})
    lab.clock.move_to(4_000_000_000)
    events = json.loads(history(lab.run(ORDER)))["events"]
    arn = "arn:aws:states:us-east-1:000000000000:express:m:n:x"

    told = debug(json.dumps({"executionArn": arn, "events": events})).output

    assert "AWS cannot redrive it: its machine is EXPRESS" in told


def test_a_log_without_data_tells_no_made_up_error(debug: Debug, tmp_path: Path) -> None:
    """Logs of EXPRESS machines may leave out errors, as `includeExecutionData: false` does."""
    log = tmp_path / "express.log"
    engine = Engine(
        functions=InlineFunctions(lambda _name, _payload: failing("E", "c")(None)),
        clock=VirtualClock(),
        scheduler=ManualScheduler(),
        express_log=log,
    )
    caught = machine(Catch=[{"ErrorEquals": ["States.ALL"], "Next": "pack"}])
    arn = engine.create_state_machine("m", caught, "EXPRESS")
    engine.start_execution(arn, input='{"id":1}')
    engine.run_until_idle()
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    for line in lines:
        if line["type"] == "TaskFailed":
            line["details"] = {}

    told = debug("\n".join(map(json.dumps, lines))).output

    assert "charge caught an error that this history leaves out\n" in told
    assert "None" not in told


def test_a_young_failure_can_be_redriven(debug: Debug) -> None:
    lab = Lab(functions={"charge": failing("E")})
    lab.clock.move_to(4_000_000_000)
    told = debug(history(lab.run(ORDER)), None).output

    assert REDRIVE in told
    assert told.endswith("--definition FILE replays it\n")


@pytest.fixture
def served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, str]]:
    """An execution's ARN, and the address of the server that has it; a profile leads there too."""
    lab = Lab(functions={"charge": failing("E", "c")})
    arn = lab.run(ORDER, {"id": 1}).arn
    server = serve_engine(lab.engine, port=0)
    profile = {
        "region": "us-east-1",
        "aws_access_key_id": "a",
        "aws_secret_access_key": "b",
        "endpoint_url": server.url,
    }
    lines = "".join(f"{name} = {value}\n" for name, value in profile.items())
    (tmp_path / "config").write_text(f"[profile mine]\n{lines}")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    yield arn, server.url
    server.close()


@pytest.mark.parametrize("profile", [True, False])
def test_an_execution_is_asked_for_by_its_arn(served: tuple[str, str], *, profile: bool) -> None:
    arn, url = served
    where = ["--profile", "mine"] if profile else ["--endpoint-url", url]
    told = CliRunner().invoke(cli, ["debug", arn, *where], standalone_mode=False).output

    assert "error: E" in told
    assert 'input {"id":1}' in told
    assert SAME in told


@pytest.mark.parametrize(
    ("name", "complaint"),
    [("mine", "ExecutionDoesNotExist"), ("absent", "profile (absent) could not be found")],
)
def test_an_execution_that_a_profile_does_not_reach_is_told(
    served: tuple[str, str], name: str, complaint: str
) -> None:
    command = ["debug", f"{served[0]}x", "--profile", name]
    result = CliRunner().invoke(cli, command, standalone_mode=False)

    assert f"--profile {name}: " in str(result.exception)
    assert complaint in str(result.exception)


def test_where_a_replay_differs_is_told(debug: Debug) -> None:
    text = history(Lab(functions={"charge": lambda _: 1}).run(ORDER, {"id": 1}))
    other = {**ORDER, "States": {**ORDER["States"], "pack": {**PACK, "Parameters": {"a": 1}}}}
    renamed = {
        "StartAt": "charge",
        "States": {"charge": {**CHARGE, "Next": "send"}, "send": PACK},
    }

    assert SAME in debug(text, other).output
    assert "The replay differs: step 2 is send, and was pack" in debug(text, renamed).output


def test_what_was_recorded_becomes_a_mock_and_a_test(debug: Debug, tmp_path: Path) -> None:
    text = history(Lab(functions={"charge": failing("E", "c")}).run(ORDER, {"id": 1}))
    debug(text, ORDER, "--write-mock", "mock.json", "--write-test", "test_it.py")
    run = CliRunner().invoke(
        cli,
        ["test", "order.asl.json", "--mock-config", "mock.json"],
        standalone_mode=False,
    )

    assert run.output == "ok      order#Recorded  FAILED  E\n"
    compile((tmp_path / "test_it.py").read_text(), "test_it.py", "exec")
    assert "assert run.path == ['charge']" in (tmp_path / "test_it.py").read_text()
    assert mock_configuration("order", read(text))["MockedResponses"] == {
        "charge_Recorded": {"0": {"Throw": {"Error": "E", "Cause": "c"}}}
    }


def test_recorded_retries_are_answered_in_their_order() -> None:
    left = ["Busy", "Busy"]

    def charge(_: Any) -> Any:
        if left:
            raise FunctionError(left.pop(), "")
        return "paid"

    definition = machine(Retry=[{"ErrorEquals": ["Busy"]}])
    recording = read(history(Lab(functions={"charge": charge}).run(definition, 1)))
    replayed = replay(definition, recording)

    assert replayed.difference(recording) is None
    assert replayed.described["output"] == '"paid"'


@pytest.mark.parametrize(
    "text", ["[]", "{}", "nonsense", '[{"id": 1}]', '{"events": [{"type": "x"}]}', "[1]"]
)
def test_a_text_that_is_no_history_is_told(debug: Debug, text: str) -> None:
    assert debug(text).exception is not None
    with pytest.raises(RecordingError):
        read(text)


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("--function", "charge"), "is not NAME=MODULE:HANDLER"),
        (("--function", "charge=absent:x"), "No module named 'absent'"),
        (("--child-of", "nowhere"), "there is no Map state nowhere"),
    ],
)
def test_wrong_usage_is_told(debug: Debug, arguments: tuple[str, ...], complaint: str) -> None:
    text = history(Lab(functions={"charge": failing("E")}).run(ORDER))

    assert complaint in str(debug(text, ORDER, *arguments).exception)
