"""A suite written for AWS's Step Functions Local runs unchanged against `sfn-local serve`.

Source: Step Functions Developer Guide, "Setting configuration options for Step Functions Local"
(port, account, variables) and "Testing state machines with mocked service integrations"; the
layout of such suites follows aws-samples/aws-stepfunctions-examples (mocked integrations).
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3

from sfn_local import Engine, InlineFunctions, VirtualClock
from sfn_local.cli.serve import serve

SUITE = Path(__file__).with_name("step_functions_local")


@contextmanager
def served(**environment: str) -> Iterator[str]:
    command = [sys.executable, "-m", "sfn_local.cli", "serve", "--port", "0", "--json"]
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env={**inherited, **environment}
    ) as process:
        assert process.stdout is not None
        yield json.loads(process.stdout.readline())["sfn"]
        process.terminate()


def test_the_suite_passes() -> None:
    mocks = str(SUITE / "MockConfigFile.json")
    with served(SFN_MOCK_CONFIG=mocks, WAIT_TIME_SCALE="0") as url:
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-c", os.devnull]
        result = subprocess.run(
            [*command, str(SUITE / "suite.py")],
            env={**os.environ, "STEP_FUNCTIONS_LOCAL": url},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    assert (result.returncode, result.stdout.splitlines()[-1][:8]) == (0, "5 passed"), result.stdout


def test_account_and_region_come_from_the_environment() -> None:
    definition = json.dumps({"StartAt": "a", "States": {"a": {"Type": "Succeed"}}})
    with served(AWS_ACCOUNT_ID="111122223333", AWS_DEFAULT_REGION="eu-west-1") as url:
        client: Any = boto3.client(
            "stepfunctions",
            endpoint_url=url,
            region_name="eu-west-1",
            aws_access_key_id="dummy",
            aws_secret_access_key="dummy",
        )
        created = client.create_state_machine(name="m", definition=definition, roleArn="arn:r")

    assert created["stateMachineArn"] == "arn:aws:states:eu-west-1:111122223333:stateMachine:m"


def test_the_port_is_step_functions_locals() -> None:
    defaults = {option.name: option.default for option in serve.params}

    assert (defaults["port"], defaults["account"]) == (8083, "123456789012")


def test_keys_keep_their_order_and_a_failure_of_a_path_is_told() -> None:
    """Step Functions Local orders keys as a Java HashMap, and leaves out such an error."""
    parameters = {"status": "OK", "client.$": "$.client", "audit": {"ip": 1, "at": 2}}
    states = {"make": {"Type": "Pass", "Parameters": parameters, "End": True}}
    engine = Engine(functions=InlineFunctions(lambda *_: b""), clock=VirtualClock())
    arn = engine.create_state_machine("m", {"StartAt": "make", "States": states})
    told = engine.start_execution(arn, "told", '{"client": "c"}')
    failed = engine.start_execution(arn, "failed", "{}")
    engine.run_until(told)
    engine.run_until(failed)
    last = engine.history(failed)[-1]

    output = engine.describe_execution(told)["output"]
    assert output == '{"status":"OK","client":"c","audit":{"ip":1,"at":2}}'
    assert last["executionFailedEventDetails"]["error"] == "States.Runtime"
    assert "'$.client'" in last["executionFailedEventDetails"]["cause"]
