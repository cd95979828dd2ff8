"""The state machines of an engine, and how they are described.

Source: Step Functions API Reference, CreateStateMachine, UpdateStateMachine, DescribeStateMachine
and DescribeStateMachineForExecution.
"""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from sfn_local import names
from sfn_local.document import Json, byte_size, dumps
from sfn_local.errors import (
    DefinitionError,
    InvalidDefinition,
    StateMachineAlreadyExists,
    StateMachineDoesNotExist,
    StateMachineTypeNotSupported,
)
from sfn_local.executions.machine import INITIAL, Machine
from sfn_local.executions.settings import Settings, changed_settings, default_settings
from sfn_local.quotas import QUOTAS
from sfn_local.registry.compiler import compile_machine
from sfn_local.registry.versions import Versions, is_qualified
from sfn_local.states.distributed_map import label_of

if TYPE_CHECKING:
    from sfn_local.lint.model import Definition

TYPES = ("STANDARD", "EXPRESS")


class Machines:
    """All machines; the engine's lock guards them."""

    def __init__(
        self,
        now: Callable[[], float],
        random: Callable[[], float],
        new_revision: Callable[[], str],
        changed: Callable[[], None],
    ) -> None:
        """None yet; changed is called after every change."""
        self._now = now
        self._random = random
        self._new_revision = new_revision
        self._changed = changed
        self.by_arn: dict[str, Machine] = {}
        self.versions = Versions(now, changed)

    def create(
        self,
        arn: str,
        definition: str | dict[str, Json],
        kind: str,
        role_arn: str,
        settings: Settings,
    ) -> None:
        """Create a machine; the same one again changes nothing.

        Raises:
            InvalidDefinition: the definition is not one that can run.
            StateMachineAlreadyExists: the name is taken by another machine.
            StateMachineTypeNotSupported: the type is neither STANDARD nor EXPRESS.
        """
        if kind not in TYPES:
            raise StateMachineTypeNotSupported(f"type must be one of {', '.join(TYPES)}")
        name = arn.rpartition(":")[2]
        machine = replace(
            _compile(arn, name, definition, role_arn, self._now(), kind),
            settings=changed_settings(default_settings(), settings),
        )
        existing = self.by_arn.setdefault(arn, machine)
        self._changed()
        if _identity(existing) != _identity(machine):
            raise StateMachineAlreadyExists(arn)

    def update(
        self,
        arn: str,
        definition: str | dict[str, Json] | None,
        role_arn: str | None,
        settings: Settings,
    ) -> None:
        """Give a machine another definition, role or settings.

        Raises:
            StateMachineDoesNotExist: there is no such machine.
            InvalidDefinition: the definition is not one that can run.
        """
        old = self.find(arn)
        text = old.definition if definition is None else definition
        machine = replace(
            _compile(arn, old.name, text, role_arn or old.role_arn, old.created, old.type),
            settings=changed_settings(old.settings, settings),
            updated=self._now(),
        )
        if (_identity(machine), machine.role_arn) != (_identity(old), old.role_arn):
            self.by_arn[arn] = replace(machine, revision=self._new_revision())
        self._changed()

    def delete(self, arn: str) -> None:
        """Forget a machine, if it exists."""
        names.check_arn(names.MACHINE_ARN, arn)
        self.by_arn.pop(arn, None)
        self.versions.forget(arn)

    def find(self, arn: str) -> Machine:
        """The machine of an ARN.

        Raises:
            StateMachineDoesNotExist: there is none.
        """
        names.check_arn(names.MACHINE_ARN, arn)
        try:
            return self.by_arn[arn]
        except KeyError:
            raise StateMachineDoesNotExist(arn) from None

    def find_to_run(self, arn: str) -> Machine:
        """The machine of an ARN; of a version or an alias, the machine as it was published."""
        names.check_arn(names.MACHINE_ARN, arn)
        if not is_qualified(arn):
            return self.find(arn)
        return self.versions.find_version(self._version_of(arn)).machine

    def list_all(self) -> list[dict[str, Any]]:
        """The entries of ListStateMachines, by name."""
        machines = sorted(self.by_arn.values(), key=lambda machine: machine.name)
        return [machine.summary() for machine in machines]

    def describe(self, arn: str) -> dict[str, Any]:
        """The answer of DescribeStateMachine, for a version and for a Map state's label too.

        Raises:
            StateMachineDoesNotExist: there is no such machine.
        """
        names.check_arn(names.MACHINE_ARN, arn)
        base, slash, label = arn.partition("/")
        described: dict[str, Any] = {}
        if is_qualified(base):
            version = self.versions.find_version(self._version_of(base))
            machine = version.machine
            described = {"stateMachineArn": version.arn}
            if version.description is not None:
                described["description"] = version.description
        else:
            machine = self.find(base)
        shown = describe_definition(machine, label if slash else None)
        if shown is None:
            raise StateMachineDoesNotExist(arn)
        if slash:
            described["stateMachineArn"] = arn
        return {**machine.summary(), "status": "ACTIVE", **shown, **described}

    def _version_of(self, arn: str) -> str:
        """The version that an ARN names, or that its alias chooses."""
        if not self.versions.has_alias(arn):
            return arn
        return self.versions.find_alias(arn).choose(self._random())


def describe_for_execution(machine: Machine, map_run_arn: str | None) -> dict[str, Any]:
    """The answer of DescribeStateMachineForExecution; a Map Run's child has that ARN."""
    label = None if map_run_arn is None else machine.arn.rpartition("/")[2]
    updated = machine.created if machine.updated is None else machine.updated
    return {
        "stateMachineArn": machine.arn,
        "name": machine.name,
        **(describe_definition(machine, label) or {}),
        "updateDate": datetime.fromtimestamp(updated, UTC),
        **({} if map_run_arn is None else {"mapRunArn": map_run_arn}),
    }


def describe_definition(machine: Machine, label: str | None) -> dict[str, Any] | None:
    """Return the definition of a machine, or of its Map state with a label; None without one."""
    shown = _describe_text(machine.definition, label)
    if shown is None:
        return None
    revision = {} if machine.revision == INITIAL else {"revisionId": machine.revision}
    return {**shown, **revision, "roleArn": machine.role_arn, **machine.settings}


@lru_cache(maxsize=256)
def _describe_text(text: str, label: str | None) -> dict[str, Any] | None:
    from sfn_local.lint.expressions import expressions  # noqa: PLC0415 - slow to import
    from sfn_local.lint.model import Definition  # noqa: PLC0415

    definition = Definition(json.loads(text))
    shown: dict[str, Any] = {"definition": text}
    if label is not None:
        processor = _find_processor(definition, label)
        if processor is None:
            return None
        definition = Definition(processor)
        shown = {"definition": dumps(processor), "label": label}
    references = {
        state.name: sorted(names)
        for state in definition.states
        if (names := {name for each in expressions(state) for name in each.variables()})
    }
    return {**shown, "variableReferences": references} if references else shown


def _find_processor(definition: "Definition", label: str) -> dict[str, Json] | None:
    """The processor of the Distributed Map state with that label."""
    for state in definition.of_type("Map"):
        if state.is_distributed and label_of(state.name, state.fields) == label:
            processor: dict[str, Json] = state.fields["ItemProcessor"]
            return processor
    return None


def _identity(machine: Machine) -> tuple[Any, ...]:
    """Return the parts that must be equal for two machines of one name to be the same."""
    return machine.definition, machine.type, machine.settings


def _compile(
    arn: str, name: str, definition: str | dict[str, Json], role_arn: str, created: float, kind: str
) -> Machine:
    text = definition if isinstance(definition, str) else dumps(definition)
    if byte_size(text) > QUOTAS.definition_bytes:
        raise InvalidDefinition(f"a definition may have at most {QUOTAS.definition_bytes} bytes")
    refusal = _refusal(text)
    if refusal is not None:
        raise InvalidDefinition(refusal)
    try:
        return compile_machine(text, kind, arn=arn, name=name, role_arn=role_arn, created=created)
    except DefinitionError as error:
        reason = f"SCHEMA_VALIDATION_FAILED: {error.message} at {error.pointer or '/'}"
        raise InvalidDefinition(reason) from None


@lru_cache(maxsize=32)
def _refusal(text: str) -> str | None:
    """Why a definition is refused, if it is; each test of a suite creates the same machines."""
    from sfn_local.lint import lint  # noqa: PLC0415 - slow to import
    from sfn_local.lint.validation import find_unreadable, in_awss_order  # noqa: PLC0415

    unreadable = find_unreadable(text)
    if unreadable is not None:
        return f"{unreadable['code']}: {unreadable['message']}"
    refused = [
        f"{found.code}: {found.refusal} at {found.location or 'null'}"
        for found in in_awss_order(lint(text, at_rest=False))
        if found.is_refused
    ]
    return ", ".join(dict.fromkeys(refused)) or None
