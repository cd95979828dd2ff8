"""State machines, their versions and tags."""

from datetime import datetime
from typing import Any

from sfn_local import names
from sfn_local.document import Json
from sfn_local.engine.core import Core
from sfn_local.executions.settings import Settings
from sfn_local.registry.versions import Version


class MachineApi(Core):
    """The operations on machines."""

    def create_state_machine(
        self,
        name: str,
        definition: str | dict[str, Json],
        type: str = "STANDARD",  # noqa: A002 - AWS's word
        role_arn: str | None = None,
        settings: Settings | None = None,
    ) -> str:
        """Create a state machine; its ARN. The same name and definition again change nothing.

        Raises:
            InvalidName: the name is not one.
            InvalidDefinition: the definition is not one that can run.
            StateMachineAlreadyExists: the name is taken by another definition.
            StateMachineTypeNotSupported: the type is neither STANDARD nor EXPRESS.
        """
        names.check_name(name)
        arn = names.machine_arn(self.region, self.account, name)
        role_arn = role_arn or f"arn:aws:iam::{self.account}:role/local"
        with self._lock:
            self._machines.create(arn, definition, type, role_arn, settings or {})
        return arn

    def update_state_machine(
        self,
        arn: str,
        definition: str | dict[str, Json] | None = None,
        role_arn: str | None = None,
        settings: Settings | None = None,
    ) -> datetime:
        """Give a machine another definition, role or settings; executions that run keep theirs.

        Raises:
            StateMachineDoesNotExist: there is no such machine.
            InvalidDefinition: the definition is not one that can run.
        """
        with self._lock:
            self._machines.update(arn, definition, role_arn, settings or {})
            return self.clock.now()

    def publish_version(
        self, arn: str, description: str | None = None, revision: str | None = None
    ) -> Version:
        """Publish a machine as it is now; what is published already stays the version it is.

        Raises:
            StateMachineDoesNotExist: there is no such machine.
            ConflictException: the machine is not at that revision.
        """
        with self._lock:
            return self.versions.publish(self._machines.find(arn), description, revision)

    def describe_state_machine(self, arn: str) -> dict[str, Any]:
        """The answer of DescribeStateMachine.

        Raises:
            StateMachineDoesNotExist: there is no such machine.
        """
        with self._lock:
            return self._machines.describe(arn)

    def list_state_machines(self) -> list[dict[str, Any]]:
        """The entries of ListStateMachines, by name."""
        with self._lock:
            return self._machines.list_all()

    def delete_state_machine(self, arn: str) -> None:
        """Forget a machine, if it exists; its executions go on and can still be described."""
        with self._lock:
            self._machines.delete(arn)

    def tag_resource(self, arn: str, tags: dict[str, str]) -> None:
        """Give a machine or an activity tags; those of the same keys are replaced.

        Raises:
            ResourceNotFound: there is no such machine or activity.
            TooManyTags: it would have more than 50.
        """
        with self._lock:
            self._tags.add(arn, tags)

    def untag_resource(self, arn: str, keys: list[str]) -> None:
        """Take tags away.

        Raises:
            ResourceNotFound: there is no such machine or activity.
        """
        with self._lock:
            self._tags.remove(arn, keys)

    def list_tags(self, arn: str) -> dict[str, str]:
        """The tags of a machine or an activity.

        Raises:
            ResourceNotFound: there is no such machine or activity.
        """
        with self._lock:
            return self._tags.of(arn)
