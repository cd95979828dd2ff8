"""Bringing restored tables under CloudFormation: in a stack of their own, named as their prefix.

CloudFormation imports into a stack what has a name and a DeletionPolicy there; the same change may
touch nothing else. So the tables do not go back into the stack that uses them. The template is
made of the project's: after an upgrade the next run brings the tables their new indexes.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any, Final

from botocore.exceptions import ClientError

from sfn_cqrs.kernel.aws.error_codes import error_code, suppressing
from sfn_cqrs_tools.restore.restoring import TABLES, RestoreError, Say

CHANGE: Final = "sfn-cqrs-restore"
TABLE: Final = "AWS::DynamoDB::Table"
IN_PROGRESS: Final = "_IN_PROGRESS"
REVIEW: Final = "REVIEW_IN_PROGRESS"
"""The status of a stack whose first change set was not executed."""
UNCHANGED: Final = ("No updates are to be performed", "didn't contain changes")


def stack_of_tables(
    template: Mapping[str, Any], prefix: str, protected: Mapping[str, bool]
) -> dict[str, Any]:
    """Return a template of the restored tables, with the properties of the project's.

    `protected` says for each table whether it cannot be deleted. Properties that depend on a
    condition of the project stay unchanged.
    """
    resources = {}
    for output, name in TABLES.items():
        logical_id, table = output.removesuffix("Name"), f"{prefix}-{name}"
        properties = _unconditional(template["Resources"][logical_id]["Properties"])
        resources[logical_id] = {
            "Type": TABLE,
            "DeletionPolicy": "Retain",
            "UpdateReplacePolicy": "Retain",
            "Properties": {
                **properties,
                "TableName": table,
                "DeletionProtectionEnabled": protected[table],
            },
        }
    return {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": f"The tables {prefix}-…, restored by sfn-cqrs",
        "Resources": resources,
    }


def _unconditional(value: Any) -> Any:
    if isinstance(value, list):
        return [_unconditional(one) for one in value]
    if not isinstance(value, Mapping):
        return value
    return {
        name: _unconditional(one)
        for name, one in value.items()
        if not (isinstance(one, Mapping) and "Fn::If" in one)
    }


def import_tables(
    cloudformation: Any,
    template: Mapping[str, Any],
    prefix: str,
    say: Say,
    poll_seconds: float,
) -> str:
    """Import the tables into the stack named as their prefix, or update it; return its status.

    It may be run again after it was interrupted.

    Raises:
        RestoreError: CloudFormation refuses the change; the message has its reason.
    """
    status = _settled(cloudformation, prefix, say, poll_seconds)
    there = _resources(cloudformation, prefix)
    with suppressing("ChangeSetNotFound", "ValidationError"):
        cloudformation.delete_change_set(StackName=prefix, ChangeSetName=CHANGE)
    imported = [
        {
            "ResourceType": TABLE,
            "LogicalResourceId": logical_id,
            "ResourceIdentifier": {"TableName": one["Properties"]["TableName"]},
        }
        for logical_id, one in template["Resources"].items()
        if logical_id not in there
    ]
    cloudformation.create_change_set(
        StackName=prefix,
        ChangeSetName=CHANGE,
        TemplateBody=json.dumps(template),
        **(
            {"ChangeSetType": "IMPORT", "ResourcesToImport": imported}
            if imported
            else {"ChangeSetType": "UPDATE"}
        ),
    )
    if not _is_ready(cloudformation, prefix, poll_seconds):
        say(f"the stack {prefix} has the tables as they are to be")
        return str(status)
    cloudformation.execute_change_set(StackName=prefix, ChangeSetName=CHANGE)
    ended = _settled(cloudformation, prefix, say, poll_seconds)
    if ended not in ("IMPORT_COMPLETE", "UPDATE_COMPLETE"):
        raise RestoreError(f"the stack {prefix} is {ended}: its events say why; run this again")
    return ended


def _resources(cloudformation: Any, stack: str) -> set[str]:
    """Return the logical ids of a stack's resources; none if the stack does not exist."""
    with suppressing("ValidationError"):
        found = cloudformation.describe_stack_resources(StackName=stack)["StackResources"]
        return {one["LogicalResourceId"] for one in found}
    return set()


def _settled(cloudformation: Any, stack: str, say: Say, poll_seconds: float) -> str | None:
    """Wait until a stack is at rest; return its status, or None if it does not exist."""
    told = ""
    while True:
        try:
            (found,) = cloudformation.describe_stacks(StackName=stack)["Stacks"]
        except ClientError as error:
            if error_code(error) != "ValidationError":
                raise
            return None
        status = str(found["StackStatus"])
        if status == REVIEW or not status.endswith(IN_PROGRESS):
            return status
        if status != told:
            told = status
            say(f"the stack {stack} is {status}: waiting")
        time.sleep(poll_seconds)


def _is_ready(cloudformation: Any, stack: str, poll_seconds: float) -> bool:
    """Wait for the change set; return whether it changes anything.

    Raises:
        RestoreError: it cannot be executed.
    """
    while True:
        found = cloudformation.describe_change_set(StackName=stack, ChangeSetName=CHANGE)
        if found["Status"] == "CREATE_COMPLETE":
            return True
        if found["Status"] == "FAILED":
            reason = found.get("StatusReason", "no reason given")
            if any(text in reason for text in UNCHANGED):
                return False
            raise RestoreError(f"the tables cannot be imported into the stack {stack}: {reason}")
        time.sleep(poll_seconds)
