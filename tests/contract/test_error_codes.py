"""Errors of AWS are told by their codes, in whatever thread and by whatever client they come."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from botocore.client import BaseClient
from botocore.errorfactory import ClientExceptionsFactory
from botocore.exceptions import ClientError
from tests.support.stubs import a_client, stub_of
from tests.template.stack import ROOT

from sfn_cqrs.kernel.aws.error_codes import error_code, suppressing
from sfn_cqrs.kernel.aws.executions import Executions
from sfn_cqrs.kernel.keys import CommandRef
from sfn_cqrs.machines.workflow.executions import StepFunctionService
from sfn_cqrs_tools.testing.builders import NRT

REF = CommandRef(NRT, 1, 1)
MACHINE = "arn:aws:states:us-east-1:123456789012:stateMachine:command"
NOT_OF_CLIENTS = {"botocore", "click"}
SOURCES = ("layer", "functions", "app", "tools/sfn_cqrs_tools")


def refusal(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "no"}}, "SendTaskSuccess")


def test_a_code_that_is_named_is_suppressed_and_any_other_raised() -> None:
    with suppressing("TaskTimedOut", "TaskDoesNotExist"):
        raise refusal("TaskDoesNotExist")
    with pytest.raises(ClientError, match="InvalidToken"), suppressing("TaskTimedOut"):
        raise refusal("InvalidToken")
    with pytest.raises(KeyError), suppressing("KeyError"):
        raise KeyError

    assert error_code(ClientError({}, "SendTaskSuccess")) == ""


@pytest.fixture
def _two_threads_made_the_classes(monkeypatch: pytest.MonkeyPatch) -> None:
    """What botocore's exceptions are where two threads ask for the first of them at once."""

    def made_anew(client: BaseClient) -> object:
        return ClientExceptionsFactory().create_client_exceptions(client.meta.service_model)

    monkeypatch.setattr(BaseClient, "exceptions", property(made_anew))


@pytest.mark.usefixtures("_two_threads_made_the_classes")
def test_a_refusal_is_known_though_another_thread_has_made_its_class_too() -> None:
    client = a_client("stepfunctions")
    executions, service = Executions(client, MACHINE, "commands"), StepFunctionService()
    service.__dict__["_client"] = client
    with stub_of(client) as stub:
        for operation, code in (
            ("start_execution", "ExecutionAlreadyExists"),
            ("describe_execution", "ExecutionDoesNotExist"),
            ("send_task_success", "TaskTimedOut"),
            ("send_task_failure", "TaskDoesNotExist"),
            ("send_task_success", "TaskTimedOut"),
            ("describe_execution", "ExecutionDoesNotExist"),
        ):
            stub.add_client_error(operation, code)

        assert executions.start(REF) is False
        assert executions.describe(REF) is None
        assert executions.succeed("token", None) is False
        assert executions.reject("token", "Error", "cause") is False
        assert service.send_task_success("token", None) is False
        assert service.ended(executions.arn_of(REF)) is None


def exceptions_of_clients(source: str) -> Iterator[str]:
    """The classes that code takes from a client; ClientError is the same in each."""
    for node in ast.walk(ast.parse(source)) if ".exceptions" in source else ():
        match node:
            case ast.Attribute(ast.Attribute(owner, "exceptions"), name) if name != "ClientError":
                if ast.unparse(owner) not in NOT_OF_CLIENTS:
                    yield f"{ast.unparse(owner)}.exceptions.{name}"


def test_nobody_takes_classes_of_exceptions_from_a_client() -> None:
    files = (path for folder in SOURCES for path in Path(ROOT / folder).rglob("*.py"))
    taken = {
        f"{path.relative_to(ROOT)}: {found}"
        for path in files
        for found in exceptions_of_clients(path.read_text(encoding="utf-8"))
    }

    assert taken == set()


def test_a_class_that_is_taken_from_a_client_is_found() -> None:
    source = "try: f()\nexcept (self._sfn.exceptions.InvalidArn, click.exceptions.Exit): pass"

    assert [*exceptions_of_clients(source)] == ["self._sfn.exceptions.InvalidArn"]
