"""The stack that is accepted: on this machine, or in an account."""

import json
import secrets
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol, TypeVar

import boto3
from tests.accept import project

from sfn_cqrs_tools.client.api import Api, connect
from sfn_cqrs_tools.client.aws import find_target, nested_in

T = TypeVar("T")
TENANT = "tenant1"
OPERATORS = "operator"
STOP_SECONDS = 60
PAUSE_SECONDS = 0.5


class Stack(Protocol):
    """What a check is given; `counts` has what it costs, and `patience` how long it may wait."""

    project: Path
    counts: Counter[str]
    patience: float
    rows: int

    def cli(self, *words: str, tenant: str | None = None, user: str = "ann") -> str:
        """Run a command of `sfn-cqrs` on the stack, as somebody of a tenant if it asks the API."""

    def api(self, tenant: str) -> Api:
        """Return the HTTP API, as somebody of a tenant calls it."""

    def client(self, service: str) -> Any:
        """Return a client of boto3."""

    def output(self, name: str) -> str:
        """Return an output of the stack."""

    def function(self, logical_id: str) -> str:
        """Return the name of a function."""

    def deploy(self) -> None:
        """Deploy the project as it is."""


def told(stack: Stack, *words: str, tenant: str | None = TENANT, user: str = "ann") -> Any:
    """Run a command, and return its JSON."""
    return json.loads(stack.cli(*words, "--json", tenant=tenant, user=user))


def waited(stack: Stack, look: Callable[[], T], is_enough: Callable[[T], bool]) -> T:
    """Look until it is enough; return what was seen last."""
    until = time.monotonic() + stack.patience
    while not is_enough(found := look()) and time.monotonic() < until:
        time.sleep(PAUSE_SECONDS)
    return found


def _remove_table(client: Callable[[str], Any], name: str) -> None:
    dynamodb = client("dynamodb")
    with suppress(dynamodb.exceptions.ResourceNotFoundException):
        dynamodb.update_table(TableName=name, DeletionProtectionEnabled=False)
        dynamodb.get_waiter("table_exists").wait(TableName=name)
        dynamodb.delete_table(TableName=name)


def _remove_bucket(client: Callable[[str], Any], name: str) -> None:
    s3 = client("s3")
    with suppress(s3.exceptions.ClientError):
        for page in s3.get_paginator("list_object_versions").paginate(Bucket=name):
            for one in (*page.get("Versions", ()), *page.get("DeleteMarkers", ())):
                s3.delete_object(Bucket=name, Key=one["Key"], VersionId=one["VersionId"])
        s3.delete_bucket(Bucket=name)


def _remove_pool(client: Callable[[str], Any], pool: str) -> None:
    cognito = client("cognito-idp")
    with suppress(cognito.exceptions.ResourceNotFoundException):
        cognito.update_user_pool(UserPoolId=pool, DeletionProtection="INACTIVE")
        cognito.delete_user_pool(UserPoolId=pool)


REMOVED_BY = {
    "AWS::DynamoDB::Table": _remove_table,
    "AWS::S3::Bucket": _remove_bucket,
    "AWS::Cognito::UserPool": _remove_pool,
}


class Local:
    """The stack on this machine: `sfn-cqrs up`, in a process of its own."""

    rows = 1_000
    patience = 90.0

    def __init__(self, folder: Path) -> None:
        """Take the project's folder."""
        self.project, self.counts = folder, Counter[str]()
        self._state = folder / ".sfn-cqrs"
        self._up: subprocess.Popen[str] | None = None

    def cli(self, *words: str, tenant: str | None = None, user: str = "ann") -> str:
        """Run a command; the group is the operators'."""
        whose = () if tenant is None else ("--tenant", tenant, "--as", f"{user}:{OPERATORS}")
        return project.cli(self.project, *words, "--state", str(self._state), *whose)

    def api(self, tenant: str) -> Api:
        """Return the API on this machine."""
        return connect(self._state, None, tenant)

    def client(self, service: str) -> Any:
        """Return a client of the local endpoints."""
        return find_target(self._state, None).client(service)

    def output(self, name: str) -> str:
        """Return an output of the merged stack."""
        return find_target(self._state, None).outputs[name]

    def function(self, logical_id: str) -> str:
        """Return the logical id, by which the local API knows it."""
        return find_target(self._state, None).function_name(logical_id)

    def deploy(self) -> None:
        """Start the stack anew, on its data."""
        self.stop()
        up = (project.PROGRAM, "up", "--port", "0", "--json", "--state", str(self._state))
        log = (self.project / "up.log").open("a", encoding="utf-8")
        self._up = subprocess.Popen(
            up,
            cwd=self.project,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
        log.close()
        assert self._up.stdout is not None
        if not self._up.stdout.readline():
            raise RuntimeError((self.project / "up.log").read_text(encoding="utf-8")[-800:])

    def stop(self) -> None:
        """End the stack."""
        if self._up is not None:
            self._up.terminate()
            self._up.communicate(timeout=STOP_SECONDS)
            self._up = None


class Account:
    """A stack in an account of AWS: SAM builds and deploys it, stage prod."""

    rows = 100_000
    patience = 600.0

    def __init__(self, folder: Path, name: str, sam: str, email: str) -> None:
        """Take the project, the stack's name, SAM's program, and who gets the alarms."""
        self.project, self.counts, self.name = folder, Counter[str](), name
        self._sam, self._email = sam, email
        self._tokens: dict[tuple[str, str], str] = {}

    def cli(self, *words: str, tenant: str | None = None, user: str = "ann") -> str:
        """Run a command; a tenant's is asked with a token of the stack's own user pool."""
        token = {} if tenant is None else {"SFN_CQRS_TOKEN": self._token(tenant, user)}
        return project.cli(self.project, *words, "--stack", self.name, **token)

    def api(self, tenant: str) -> Api:
        """Return the API behind API Gateway."""
        headers = {"content-type": "application/json", "accept": "application/json"}
        token = self._token(tenant, "ann")
        return Api(self.output("HttpApiUrl"), {**headers, "authorization": f"Bearer {token}"})

    def client(self, service: str) -> Any:
        """Return a client of the account."""
        return boto3.client(service)

    def output(self, name: str) -> str:
        """Return an output of the project's stack, or of the framework's."""
        return find_target(self.project, self.name).outputs[name]

    def function(self, logical_id: str) -> str:
        """Return the name that CloudFormation has made."""
        return find_target(self.project, self.name).function_name(logical_id)

    def deploy(self) -> None:
        """Build and deploy, as `make deploy` does."""
        given = ("Stage=prod", "UserPool=enabled", f"AlarmEmail={self._email}")
        project.cli(self.project, "setup")
        quiet = {"SAM_CLI_TELEMETRY": "0"}
        project.ran(self.project, self._sam, "build", **quiet)
        options = ("--stack-name", self.name, "--resolve-s3", "--no-confirm-changeset")
        rights = ("--capabilities", "CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND")
        deploy = (self._sam, "deploy", "--no-fail-on-empty-changeset", *options, *rights)
        project.ran(self.project, *deploy, "--parameter-overrides", *given, **quiet)

    def is_there(self) -> bool:
        """Whether the account has a stack of this name, or one whose name begins with it."""
        pages = self.client("cloudformation").get_paginator("describe_stacks").paginate()
        found = [one["StackName"] for page in pages for one in page["Stacks"]]
        return any(one == self.name or one.startswith(f"{self.name}-") for one in found)

    def remove(self) -> list[str]:
        """Delete the stacks, then what they leave behind; return what that was."""
        cloudformation = self.client("cloudformation")
        kept = [*self._outlasting(cloudformation)]
        for stack in (self.name, f"{self.name}-r1"):
            self._let_go(cloudformation, stack)
            cloudformation.delete_stack(StackName=stack)
            cloudformation.get_waiter("stack_delete_complete").wait(StackName=stack)
        for kind, name in kept:
            REMOVED_BY[kind](self.client, name)
        return [name for _, name in kept]

    def _outlasting(self, cloudformation: Any) -> Iterator[tuple[str, str]]:
        """Yield kind and name of what outlives the stacks."""
        for stack in (self.name, *nested_in(cloudformation, self.name), f"{self.name}-r1"):
            pages = cloudformation.get_paginator("list_stack_resources")
            with suppress(cloudformation.exceptions.ClientError):
                for page in pages.paginate(StackName=stack):
                    for one in page["StackResourceSummaries"]:
                        if one["ResourceType"] in REMOVED_BY:
                            yield one["ResourceType"], one["PhysicalResourceId"]

    def _let_go(self, cloudformation: Any, stack: str) -> None:
        with suppress(cloudformation.exceptions.ClientError):
            cloudformation.update_termination_protection(
                StackName=stack, EnableTerminationProtection=False
            )

    def _token(self, tenant: str, user: str) -> str:
        """Return the ID token of a user, who is made first; the pool is this run's alone."""
        if (tenant, user) not in self._tokens:
            self._tokens[tenant, user] = self._signed_in(f"{user}-{tenant}", tenant)
        return self._tokens[tenant, user]

    def _signed_in(self, name: str, tenant: str) -> str:
        cognito = self.client("cognito-idp")
        pool, app = self.output("UserPoolId"), self.output("UserPoolClientId")
        password = f"Aa1!{secrets.token_urlsafe(24)}"
        whose = [{"Name": "custom:tenant", "Value": tenant}]
        named = {"UserPoolId": pool, "Username": name}
        cognito.admin_create_user(**named, UserAttributes=whose, MessageAction="SUPPRESS")
        cognito.admin_set_user_password(**named, Password=password, Permanent=True)
        cognito.admin_add_user_to_group(**named, GroupName=OPERATORS)
        self._allow_passwords(cognito, pool, app)
        signed = cognito.admin_initiate_auth(
            UserPoolId=pool,
            ClientId=app,
            AuthFlow="ADMIN_USER_PASSWORD_AUTH",
            AuthParameters={"USERNAME": name, "PASSWORD": password},
        )
        return str(signed["AuthenticationResult"]["IdToken"])

    def _allow_passwords(self, cognito: Any, pool: str, app: str) -> None:
        """Let an administrator sign in for a user; AWS forgets what an update leaves out."""
        client = cognito.describe_user_pool_client(UserPoolId=pool, ClientId=app)
        kept = ("ReadAttributes", "WriteAttributes", "PreventUserExistenceErrors")
        flows = ["ALLOW_ADMIN_USER_PASSWORD_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"]
        cognito.update_user_pool_client(
            UserPoolId=pool,
            ClientId=app,
            ExplicitAuthFlows=flows,
            **{one: client["UserPoolClient"][one] for one in kept},
        )
