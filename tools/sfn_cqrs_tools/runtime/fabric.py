"""The AWS services around the functions and machines: ministack, and the stack deployed to it.

Everything specific to ministack is in the class Ministack and in fabric_dialect.py. All other
code talks to the fabric through boto3, as it would to AWS.
"""

from __future__ import annotations

import hashlib
import json
import os
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Collection, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol

from sfn_cqrs_tools.runtime.cloudformation import ACCOUNT, REGION
from sfn_cqrs_tools.runtime.events import Rule
from sfn_cqrs_tools.runtime.listening import addresses, listening
from sfn_cqrs_tools.runtime.streams import StreamSettings
from sfn_local import request_guard

if TYPE_CHECKING:
    from boto3.session import Session
    from botocore.loaders import Loader

CREDENTIALS: Final = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_DEFAULT_REGION": REGION,
    "AWS_REGION": REGION,
}

_START_SECONDS: Final = 20.0
_INVOCATION_SECONDS: Final = 910.0
_DEPLOY_SECONDS: Final = 60.0
_LOOK_SECONDS: Final = 5.0
_FUNCTION_NAME_LENGTH: Final = 64
_BUCKET_NAME_LENGTH: Final = 63
_LOG_TAIL_LINES: Final = 15
_TEMPLATES: Final = "sfn-cqrs-templates"
# Objects are files. They are read after the deployment, so this path must not exist.
_ON_DISK: Final = {"S3_PERSIST": "1", "S3_DATA_DIR": os.devnull}


_sessions = threading.local()


class FabricError(Exception):
    """The fabric cannot be started, or refuses the template; the message says what to do."""


class Fabric(Protocol):
    """A service that speaks the AWS protocols and forwards events for functions to the stack."""

    @property
    def endpoint(self) -> str:
        """Return the URL that it answers at."""

    def function_name(self, stack: str, logical_id: str) -> str:
        """Return the name that it will give to a function without one."""

    def start(
        self, forward: Mapping[str, str], origins: Collection[str] = (), executions: str = ""
    ) -> None:
        """Start; `forward` says by function name where its events are to be posted.

        It runs no function and no machine itself, and answers pages of these origins alone. Rules
        and schedules post the executions that they start to the URL `executions`.
        """

    def restore(self) -> Mapping[str, int]:
        """Restore the kept data; return the number of items, messages and records."""

    def streams(self, done: Mapping[str, str]) -> dict[str, str]:
        """Tell which records of streams are done; answer which have been given to us.

        Both by mapping, see `StreamSettings.mapping`, with the last sequence number.
        """

    @property
    def trouble(self) -> str:
        """Return why changes cannot be written; empty if they can, or if it does not answer."""

    def wait(self) -> None:
        """Return when it answers, or raise FabricError."""

    @property
    def is_running(self) -> bool:
        """Return whether it is still running."""

    def stop(self) -> None:
        """End it and all that it started."""


class Ministack:
    """ministack in a process of its own, on a port of 127.0.0.1."""

    def __init__(
        self,
        python: Path,
        log: Path,
        port: int = 0,
        *,
        data: Path | None = None,
        hosts: Sequence[str] = (),
    ) -> None:
        """Use the interpreter of the virtual environment that ministack is installed in.

        Port 0 takes a free port. Its data is kept in the folder `data`, or only in memory.
        It also answers to `hosts`, and listens on those that are addresses.

        Raises:
            FabricError: it is not installed.
        """
        if not python.exists():
            raise FabricError(f"ministack is not installed: there is no {python}; run `make setup`")
        self._python = python
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None
        self._port = port
        self._data = data
        self._hosts = hosts

    @property
    def endpoint(self) -> str:
        """Return the URL that it answers at."""
        return f"http://127.0.0.1:{self._port}"

    @property
    def is_running(self) -> bool:
        """Return whether its process is running."""
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int | None:
        """Return the process, if it runs."""
        return self._process.pid if self._process else None

    def function_name(self, stack: str, logical_id: str) -> str:
        """Return the name that ministack gives to a function, which is the same every time."""
        return name_of_function(stack, logical_id)

    def start(
        self, forward: Mapping[str, str], origins: Collection[str] = (), executions: str = ""
    ) -> None:
        """Start the process; it ends with this one, even when this one is killed."""
        with ExitStack() as opened:
            first = opened.enter_context(socket.create_server(("127.0.0.1", self._port)))
            self._port = int(first.getsockname()[1])
            others = [
                opened.enter_context(listening(host, self._port)) for host in addresses(self._hosts)
            ]
            log = opened.enter_context(self._log.open("wb"))
            descriptors = [listener.fileno() for listener in (first, *others)]
            self._process = subprocess.Popen(
                [
                    str(self._python),
                    str(Path(__file__).with_name("fabric_process.py")),
                    ",".join(map(str, descriptors)),
                    request_guard.__file__,
                    ",".join(self._hosts),
                    *origins,
                ],
                env=self._environment(forward) | {"SFN_CQRS_EXECUTIONS": executions},
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                pass_fds=descriptors,
                start_new_session=True,  # Ctrl-C goes to this process, which stops it
            )

    def restore(self) -> Mapping[str, int]:
        """Restore the kept data of the deployed resources from the folder.

        Raises:
            FabricError: the folder is of another version, or spoilt.
        """
        if self._data is None:
            return {}
        answer: Mapping[str, int] = self._control("restore", {})
        return answer

    def streams(self, done: Mapping[str, str]) -> dict[str, str]:
        """Tell which records are done; answer which have been given to us."""
        if self._data is None:
            return {}
        answer: dict[str, str] = self._control("streams", done)
        return answer

    @property
    def trouble(self) -> str:
        """Return why changes cannot be written; empty if they can."""
        if self._data is None:
            return ""
        answer: Mapping[str, str] = self._control("trouble", {}, _LOOK_SECONDS)
        return answer["trouble"]

    def _control(self, what: str, body: Mapping[str, str], seconds: float = _DEPLOY_SECONDS) -> Any:
        url = f"{self.endpoint}/_sfn_cqrs/{what}"
        request = urllib.request.Request(url, json.dumps(body).encode())
        try:
            with urllib.request.urlopen(request, timeout=seconds) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            reason = json.load(error).get("message", "")
            raise FabricError(
                f"{self._data} cannot be used: {reason}; `sfn-cqrs up --fresh` forgets it"
            ) from error
        except OSError as error:
            raise FabricError(f"ministack does not answer: {error}; see {self._log}") from error

    def wait(self) -> None:
        """Return when it answers.

        Raises:
            FabricError: it has ended, or does not answer in time.
        """
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline:
            if not self.is_running:
                raise FabricError(
                    f"ministack has ended while starting; {self._log} ends:\n{self._tail()}"
                )
            try:
                with urllib.request.urlopen(f"{self.endpoint}/_ministack/ready", timeout=5):
                    return
            except (urllib.error.URLError, OSError):
                time.sleep(0.02)
        raise FabricError(f"ministack does not answer; {self._log} ends:\n{self._tail()}")

    def stop(self) -> None:
        """End the process."""
        process, self._process = self._process, None
        if process is None:
            return
        if process.stdin is not None:
            process.stdin.close()
        try:
            process.wait(timeout=3)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def _environment(self, forward: Mapping[str, str]) -> dict[str, str]:
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ}
        proxies = {f"MINISTACK_LAMBDA_PROXY_{name}": url for name, url in forward.items()}
        data = {} if self._data is None else {"SFN_CQRS_DATA": str(self._data), **_ON_DISK}
        return {
            **kept,
            **CREDENTIALS,
            **proxies,
            **data,
            "GATEWAY_PORT": str(self._port),
            "MINISTACK_HOST": "127.0.0.1",
            "MINISTACK_ACCOUNT_ID": ACCOUNT,
            "MINISTACK_REGION": REGION,
            "IOT_MTLS_ENABLED": "0",  # it would listen on all interfaces, on a fixed port
            "SFTP_ENABLED": "0",
            "LAMBDA_STRICT": "1",  # it runs functions only in Docker, and has no client for it
            "LOG_LEVEL": "WARNING",
        }

    def _tail(self) -> str:
        lines = self._log.read_text(encoding="utf-8", errors="replace").splitlines()
        return "\n".join(lines[-_LOG_TAIL_LINES:])


@dataclass(frozen=True)
class Deployment:
    """The resources in the fabric after a deployment, as AWS's own APIs describe them."""

    resources: Mapping[str, str]
    outputs: Mapping[str, str]
    environment: Mapping[str, str]
    streams: Sequence[StreamSettings]
    rules: Sequence[Rule]


def name_of_function(stack: str, logical_id: str) -> str:
    """Return the name that ministack gives to a function of a stack."""
    suffix = hashlib.sha256(f"{stack}:{logical_id}".encode()).hexdigest()[:13].upper()
    return f"{stack}-{logical_id}-"[: _FUNCTION_NAME_LENGTH - len(suffix)] + suffix


def session() -> Session:
    """Return this thread's boto3 session with the local credentials, whatever the user's own are.

    It takes as long to make one as to make a client, and threads must not share it. It has the
    hooks of the time when it was made.
    """
    import botocore.handlers  # noqa: PLC0415 - with boto3 it takes 0.3 s

    from sfn_cqrs_tools.runtime.signatures import sign_only_what_leaves  # noqa: PLC0415

    sign_only_what_leaves()
    hooks = [*botocore.handlers.BUILTIN_HANDLERS]
    if getattr(_sessions, "hooks", None) != hooks:
        _sessions.made, _sessions.hooks, _sessions.clients = _session(), hooks, {}
    made: Session = _sessions.made
    return made


def local_client(service: str, endpoint: str) -> Any:
    """Return this thread's client of a service on this machine.

    To make one takes as long as ten calls, and commands in one process ask for the same ones.
    """
    made: Any = session()
    clients: dict[tuple[str, str], Any] = _sessions.clients
    if (service, endpoint) not in clients:
        clients[service, endpoint] = made.client(
            service, endpoint_url=endpoint, config=patient(service)
        )
    return clients[service, endpoint]


def patient(service: str) -> Any:
    """Return the configuration of a client: an invocation takes as long as a function may run.

    botocore would give up after a minute, and invoke it again.
    """
    from botocore.config import Config  # noqa: PLC0415

    return Config(read_timeout=_INVOCATION_SECONDS) if service == "lambda" else None


def _session() -> Session:
    import botocore.session  # noqa: PLC0415
    from boto3.session import Session  # noqa: PLC0415
    from botocore.config import Config  # noqa: PLC0415

    nobodys = {"profile": (None, None, None, None)}  # AWS_PROFILE names an account on AWS
    core = botocore.session.Session(session_vars=nobodys)
    core.register_component("data_loader", _loader())
    core.set_default_client_config(Config(proxies={}))  # nothing local goes through a proxy
    return Session(
        botocore_session=core,
        aws_access_key_id=CREDENTIALS["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
        region_name=REGION,
    )


@cache
def _loader() -> Loader:
    """Return the loader of botocore's service models, shared by all sessions to save time."""
    from botocore.loaders import Loader  # noqa: PLC0415

    return Loader()


def deploy(
    endpoint: str, stack: str, template: Mapping[str, Any], parameters: Mapping[str, str]
) -> Deployment:
    """Create a CloudFormation stack from a plain template, and return its resources.

    Raises:
        FabricError: a resource cannot be created; the message has the fabric's reason.
    """
    client = partial(session().client, endpoint_url=endpoint)
    cloudformation: Any = client("cloudformation")
    prepared = _with_bucket_names(template, stack)
    _upload(client("s3"), f"{stack}.json", json.dumps(prepared).encode())
    url = f"{endpoint}/{_TEMPLATES}/{stack}.json"
    try:
        cloudformation.create_stack(
            StackName=stack,
            TemplateURL=url,
            Parameters=[
                {"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()
            ],
            Capabilities=["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM"],
        )
    except cloudformation.exceptions.ClientError as error:
        reason = error.response["Error"]["Message"]
        raise FabricError(f"the template cannot be deployed: {reason}") from error
    outputs = _wait_for_stack(cloudformation, stack)
    described = cloudformation.describe_stack_resources(StackName=stack)["StackResources"]
    resources = {one["LogicalResourceId"]: one["PhysicalResourceId"] for one in described}
    functions = {
        one["PhysicalResourceId"]
        for one in described
        if one["ResourceType"] == "AWS::Lambda::Function"
    }
    lambda_ = client("lambda")
    return Deployment(
        resources=resources,
        outputs=outputs,
        environment=_environment(lambda_, functions),
        streams=_streams(lambda_),
        rules=_rules(client("events")),
    )


def _with_bucket_names(template: Mapping[str, Any], stack: str) -> dict[str, Any]:
    """Return the template with a stable name for each bucket; ministack's own change each time."""
    resources = {
        name: {**one, "Properties": {"BucketName": _bucket_name(stack, name), **_properties(one)}}
        if one["Type"] == "AWS::S3::Bucket"
        else one
        for name, one in template["Resources"].items()
    }
    return {**template, "Resources": resources}


def _properties(resource: Mapping[str, Any]) -> Mapping[str, Any]:
    properties: Mapping[str, Any] = resource.get("Properties", {})
    return properties


def _bucket_name(stack: str, logical_id: str) -> str:
    suffix = hashlib.sha256(f"{stack}:{logical_id}".encode()).hexdigest()[:12]
    return f"{stack}-{logical_id}".lower()[: _BUCKET_NAME_LENGTH - len(suffix) - 1] + f"-{suffix}"


def _upload(s3: Any, key: str, body: bytes) -> None:
    """Put a template where CloudFormation takes it from: in the request it may have 50 KiB."""
    s3.create_bucket(Bucket=_TEMPLATES)
    s3.put_object(Bucket=_TEMPLATES, Key=key, Body=body)


def _wait_for_stack(cloudformation: Any, stack: str) -> dict[str, str]:
    deadline = time.monotonic() + _DEPLOY_SECONDS
    while time.monotonic() < deadline:
        (description,) = cloudformation.describe_stacks(StackName=stack)["Stacks"]
        status = description["StackStatus"]
        if status == "CREATE_COMPLETE":
            return {one["OutputKey"]: one["OutputValue"] for one in description.get("Outputs", [])}
        if status != "CREATE_IN_PROGRESS":
            raise FabricError(
                f"the template cannot be deployed: {failure_of(cloudformation, stack)}"
            )
        time.sleep(0.02)
    raise FabricError(f"the stack {stack} is not deployed after {_DEPLOY_SECONDS:.0f} s")


def failure_of(cloudformation: Any, stack: str) -> str:
    """Return the name of the resource that a stack failed by, and why."""
    events = cloudformation.describe_stack_events(StackName=stack)["StackEvents"]
    reasons = [
        f"{event['LogicalResourceId']}: {event.get('ResourceStatusReason', 'no reason given')}"
        for event in events
        if event["ResourceStatus"].endswith("_FAILED")
    ]
    return reasons[-1] if reasons else "no resource says why"


def _environment(lambda_: Any, functions: Collection[str]) -> dict[str, str]:
    merged: dict[str, str] = {}
    for page in lambda_.get_paginator("list_functions").paginate():
        for one in page["Functions"]:
            if one["FunctionName"] in functions:
                merged |= one.get("Environment", {}).get("Variables", {})
    return merged


def _streams(lambda_: Any) -> list[StreamSettings]:
    mappings = lambda_.list_event_source_mappings()["EventSourceMappings"]
    return [StreamSettings.of(one) for one in mappings if "/stream/" in one["EventSourceArn"]]


def _rules(events: Any) -> list[Rule]:
    return [
        Rule(
            pattern=json.loads(rule["EventPattern"]),
            targets=[
                target["Arn"]
                for target in events.list_targets_by_rule(Rule=rule["Name"])["Targets"]
            ],
        )
        for rule in events.list_rules()["Rules"]
        if rule.get("EventPattern")
    ]
