"""Simulates slow operations of DynamoDB: tables that are made, changed or restored.

The Python of .venv-fabric runs this file, beside fabric_dialect.py. AWS takes minutes where this
takes looks: tests need no clock.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from ministack.core.responses import (  # type: ignore[import-not-found]
    error_response_json,
    json_response,
)
from ministack.services import dynamodb  # type: ignore[import-not-found]
from ministack.services.cloudformation import (  # type: ignore[import-not-found]
    provisioners,
)

Properties = dict[str, Any]
Handler = Callable[[Properties], Any]
LOOKS = 2
"""How often a table shows a transient state, and how often new backups are refused."""


class Tables:
    """Transient table states: a change takes a while, and calls are refused meanwhile."""

    def __init__(self) -> None:
        """Take ministack's functions as they are."""
        self._passing: dict[str, tuple[str, int]] = {}
        self._without_backups: dict[str, int] = {}
        self._restored: dict[str, Properties] = {}
        self._describe = dynamodb._describe_table
        self._describe_backups = dynamodb._describe_continuous_backups
        self._restore = dynamodb._restore_table_to_point_in_time
        self._set_backups = dynamodb._update_continuous_backups

    def teach(self) -> None:
        """Take the place of ministack's functions."""
        dynamodb._describe_table = self.describe
        dynamodb._describe_continuous_backups = self.describe_backups
        dynamodb._update_table = self.changing(dynamodb._update_table)
        dynamodb._update_ttl = self.refusing(dynamodb._update_ttl)
        dynamodb._update_continuous_backups = self.set_backups
        dynamodb._restore_table_to_point_in_time = self.restore
        handlers = provisioners._RESOURCE_HANDLERS["AWS::DynamoDB::Table"]
        handlers["create"] = with_backups(handlers["create"])

    def describe(self, given: Properties) -> Any:
        """Show the source of a restored table, and the transient state a few times."""
        answer = self._describe(given)
        if answer[0] != HTTPStatus.OK:
            return answer
        name = dynamodb._normalize_table_name(given["TableName"])
        status, looks = self._passing.get(name, ("", 0))
        shown = dynamodb._table_description(name)
        if name in self._restored:
            shown["RestoreSummary"] = self._restored[name]
        if looks:
            self._passing[name] = (status, looks - 1)
            shown["TableStatus"] = status
        return json_response({"Table": shown})

    def describe_backups(self, given: Properties) -> Any:
        """Let a table be restorable since it was made."""
        status, headers, body = self._describe_backups(given)
        answer = json.loads(body)
        found = answer.get("ContinuousBackupsDescription", {})
        backups = found.get("PointInTimeRecoveryDescription", {})
        if "EarliestRestorableDateTime" not in backups:
            return status, headers, body
        table = dynamodb._tables[dynamodb._normalize_table_name(given["TableName"])]
        backups["EarliestRestorableDateTime"] = table["CreationDateTime"]
        return json_response(answer)

    def refusing(self, handler: Handler) -> Handler:
        """Refuse a change of a table that is being made or changed."""

        def handle(given: Properties) -> Any:
            name = given["TableName"]
            status, looks = self._passing.get(name, ("", 0))
            if not looks:
                return handler(given)
            text = f"Attempt to change a resource which is still in use: Table {name} is {status}"
            return error_response_json("ResourceInUseException", text, 400)

        return handle

    def changing(self, handler: Handler) -> Handler:
        """Let a table be UPDATING after a change that is not refused."""
        refusing = self.refusing(handler)

        def handle(given: Properties) -> Any:
            answer = refusing(given)
            if answer[0] == HTTPStatus.OK:
                self._passing[given["TableName"]] = ("UPDATING", LOOKS)
            return answer

        return handle

    def restore(self, given: Properties) -> Any:
        """Restore a table that has backups; the new one says from which and when."""
        source, target = given["SourceTableName"], given["TargetTableName"]
        if source in dynamodb._tables and not dynamodb._pitr_settings.get(source):
            text = f"Point in time recovery is not enabled for table '{source}'"
            return error_response_json("PointInTimeRecoveryUnavailableException", text, 400)
        answer = self._restore(given)
        if answer[0] == HTTPStatus.OK:
            self._passing[target] = ("CREATING", LOOKS)
            self._without_backups[target] = LOOKS
            now = dynamodb._tables[target]["CreationDateTime"]
            self._restored[target] = {
                "SourceTableArn": dynamodb._tables[source]["TableArn"],
                "RestoreDateTime": given.get("RestoreDateTime", now),
                "RestoreInProgress": False,
            }
        return answer

    def set_backups(self, given: Properties) -> Any:
        """Refuse where the backups of a new table are not ready."""
        name = given["TableName"]
        left = self._without_backups.get(name, 0)
        if not left:
            return self._set_backups(given)
        self._without_backups[name] = left - 1
        text = f"Backups are being enabled for the table: {name}. Please retry later"
        return error_response_json("ContinuousBackupsUnavailableException", text, 400)


def with_backups(create: Callable[..., Any]) -> Callable[..., Any]:
    """Return a maker of tables that switches backups on where the template says so."""

    def created(logical_id: str, given: Properties, stack: str) -> Any:
        answer = create(logical_id, given, stack)
        wanted = given.get("PointInTimeRecoverySpecification", {})
        if wanted.get("PointInTimeRecoveryEnabled") in (True, "true"):
            dynamodb._pitr_settings[answer[0]] = True
        return answer

    return created
