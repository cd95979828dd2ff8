"""The project that is accepted: `init`, a saga, an import, a table and a route of its own."""

import os
import subprocess
import sys
from pathlib import Path

NAME = "hotel"
PROGRAM = str(Path(sys.executable).parent / "sfn-cqrs")
ROOMS = "hotel-rooms"
"""The table of its own."""
NEW = (
    ("saga", "trip", "--steps", "reserve,charge,confirm", "--publish", "members", "--own-machine"),
    ("route", "/rooms/free", "--allow", "members"),
    ("import", "rooms", "--from", "rooms.csv", "--publish", "members"),
)
ROUTE = f'''"""GET /rooms/free: the rooms of a table of our own."""

from typing import Any

import boto3

from sfn_cqrs.routes import Asked, route
from sfn_cqrs.types import MEMBERS


@route("GET", "/rooms/free", allow=MEMBERS)
def get_rooms_free(asked: Asked) -> dict[str, Any]:
    """Answer whether the tenant's room is in the table."""
    found = boto3.client("dynamodb").get_item(
        TableName="{ROOMS}", Key={{"tenant": {{"S": asked.tenant}}}}
    )
    return {{"tenant": asked.tenant, "free": "Item" in found}}
'''
NOTES = '''"""NOTE items, which a person releases."""

from sfn_cqrs.approvals import Decided, approval_type, publish_decided
from sfn_cqrs.types import MEMBERS, command_type

command_type("NOTE", publish=MEMBERS)


@approval_type("RELEASE", of="NOTE", group="operator")
def release(decided: Decided) -> None:
    """Publish the version that was seen, as released."""
    publish_decided(decided, attributes={"released": True})
'''
FAILING = '''"""FAILING items, whose handler fails, as it should."""

from sfn_cqrs.read_models import sync_handler
from sfn_cqrs.types import MEMBERS, Command, command_type

command_type("FAILING", publish=MEMBERS)


@sync_handler("FAILING")
def fails(command: Command) -> None:
    """Fail."""
    raise ValueError("it fails, as it should")
'''
MODULES = {"rooms_free": ROUTE, "notes": NOTES, "failing": FAILING}
STEP = '    """Make the step; `step.key` is the idempotency key for what it calls."""\n'
CHARGE = f"def charge(step: SagaStep) -> Json:\n{STEP}"
REFUSED = '    if step.input["id"] == "refused":\n        raise ValueError("no money")\n'
RIGHT = 'parameter/${AWS::StackName}/*"\n'
RIGHT_OF_TABLE = """          - Effect: Allow
            Action: dynamodb:GetItem
            Resource: !GetAtt RoomsTable.Arn
"""
TABLE = f"""{RIGHT_OF_TABLE}
  RoomsTable:
    Type: AWS::DynamoDB::Table
    Properties:
      TableName: {ROOMS}
      BillingMode: PAY_PER_REQUEST
      AttributeDefinitions: [{{ AttributeName: tenant, AttributeType: S }}]
      KeySchema: [{{ AttributeName: tenant, KeyType: HASH }}]
"""
PACKAGE = "        AppPackage: hotel\n"
KEPT_DAYS = "        HistoryTtlDays: {}\n"


def made(folder: Path) -> Path:
    """Make the project in a folder, as a person does, and return where it is."""
    cli(folder, "init", NAME)
    project = folder / NAME
    (project / "rooms.csv").write_text("code,name,beds\nr-1,One,2\n", encoding="utf-8")
    for words in NEW:
        cli(project, "new", *words)
    for name, text in MODULES.items():
        (project / f"app/{NAME}/{name}.py").write_text(text, encoding="utf-8")
    replace(project / f"app/{NAME}/trip.py", CHARGE, CHARGE + REFUSED)
    replace(project / "template.yaml", RIGHT, RIGHT + TABLE)
    return project


def keep_history(project: Path, days: int) -> None:
    """Set a parameter of the framework, where the pages tell people to."""
    replace(project / "template.yaml", PACKAGE, PACKAGE + KEPT_DAYS.format(days))


def replace(path: Path, old: str, new: str) -> None:
    """Replace a text that is there.

    Raises:
        LookupError: it is not.
    """
    text = path.read_text(encoding="utf-8")
    if old not in text:
        raise LookupError(f"{path} has no {old!r}")
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def cli(folder: Path, *words: str, **environment: str) -> str:
    """Run `sfn-cqrs` in a folder, and return what it printed.

    Raises:
        CommandError: it failed.
    """
    return ran(folder, PROGRAM, *words, **environment)


def ran(folder: Path, *command: str, **environment: str) -> str:
    """Run a program to its end.

    Raises:
        CommandError: it failed.
    """
    done = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise CommandError(command, done)
    return done.stdout


class CommandError(Exception):
    """A program that failed, with the end of what it printed."""

    def __init__(self, command: tuple[str, ...], done: subprocess.CompletedProcess[str]) -> None:
        """Take the program and its end."""
        self.code, self.printed = done.returncode, done.stdout
        said = (done.stderr.strip() or done.stdout.strip())[-800:]
        super().__init__(f"{' '.join(command[-6:])}: exit {done.returncode}: {said}")
