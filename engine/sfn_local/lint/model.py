"""A definition as the rules see it: its scopes, and the states in them.

Whatever has the wrong type is left out here; the rules about fields report it.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from sfn_local.document import Json
from sfn_local.language.catalogue import CALLBACK
from sfn_local.lint.json_positions import escape

JSONPATH, JSONATA = "JSONPath", "JSONata"


@dataclass
class StateNode:
    """One state."""

    name: str
    fields: dict[str, Json]
    pointer: str
    language: str
    inside_map: bool  # an item of a Map is there
    is_guarded: bool  # a Map or Parallel around it has a Catch

    @property
    def type(self) -> str:
        """Its Type; empty where it has none."""
        return self._text("Type")

    @property
    def is_jsonata(self) -> bool:
        """Whether its expressions are JSONata."""
        return self.language == JSONATA

    @property
    def resource(self) -> str:
        """Its Resource; empty where it has none."""
        return self._text("Resource")

    @property
    def is_callback(self) -> bool:
        """Whether it waits for a task token."""
        return self.type == "Task" and self.resource.endswith(CALLBACK)

    @property
    def is_distributed(self) -> bool:
        """Whether it is a Map in DISTRIBUTED mode."""
        processor = self.fields.get("ItemProcessor")
        config = processor.get("ProcessorConfig") if isinstance(processor, dict) else None
        return isinstance(config, dict) and config.get("Mode") == "DISTRIBUTED"

    def _text(self, field: str) -> str:
        value = self.fields.get(field)
        return value if isinstance(value, str) else ""

    def targets(self) -> Iterator[tuple[str, str]]:
        """Where it leads, as JSON pointers and names of states."""
        for name in ("Next", "Default"):
            target = self.fields.get(name)
            if isinstance(target, str):
                yield f"{self.pointer}/{name}", target
        for name in ("Choices", "Catch"):
            for position, entry in entries(self.fields.get(name)):
                target = entry.get("Next")
                if isinstance(target, str):
                    yield f"{self.pointer}/{name}/{position}/Next", target

    @property
    def ends(self) -> bool:
        """Whether its scope may end after it."""
        return self.type in ("Succeed", "Fail") or self.fields.get("End") is True


@dataclass
class Scope:
    """An object with StartAt and States: the machine, a branch, an item processor."""

    fields: dict[str, Json]
    pointer: str
    states: dict[str, StateNode] = field(default_factory=dict)


class Definition:
    """All scopes of a definition, the outermost first."""

    def __init__(self, fields: dict[str, Json]) -> None:
        """Read a definition's JSON."""
        self.fields = fields
        self.scopes: list[Scope] = []
        self._read_scope(fields, "", JSONPATH, inside_map=False, is_guarded=False)

    @property
    def states(self) -> Iterator[StateNode]:
        """All states of all scopes."""
        for scope in self.scopes:
            yield from scope.states.values()

    def of_type(self, *kinds: str) -> Iterator[StateNode]:
        """The states of some types."""
        return (state for state in self.states if state.type in kinds)

    def _read_scope(
        self,
        fields: dict[str, Json],
        pointer: str,
        language: str,
        *,
        inside_map: bool,
        is_guarded: bool,
    ) -> None:
        scope = Scope(fields, pointer)
        self.scopes.append(scope)
        language = _language(fields, language)
        for name, state in objects(fields.get("States")):
            where = f"{pointer}/States/{escape(name)}"
            own = _language(state, language)
            node = StateNode(name, state, where, own, inside_map, is_guarded)
            scope.states[name] = node
            self._read_inner_scopes(node, language)

    def _read_inner_scopes(self, node: StateNode, language: str) -> None:
        is_guarded = node.is_guarded or bool(node.fields.get("Catch"))
        for position, branch in entries(node.fields.get("Branches")):
            where = f"{node.pointer}/Branches/{position}"
            self._read_scope(
                branch, where, language, inside_map=node.inside_map, is_guarded=is_guarded
            )
        for name in ("ItemProcessor", "Iterator"):
            processor = node.fields.get(name)
            if isinstance(processor, dict):
                where = f"{node.pointer}/{name}"
                self._read_scope(processor, where, language, inside_map=True, is_guarded=is_guarded)


def entries(value: Json) -> Iterator[tuple[int, dict[str, Json]]]:
    """The objects in a list, with their positions."""
    for position, entry in enumerate(value if isinstance(value, list) else []):
        if isinstance(entry, dict):
            yield position, entry


def objects_at(value: Json, pointer: str) -> Iterator[tuple[dict[str, Json], str]]:
    """An object that stands at a pointer, or the objects in a list there, each with its place."""
    if isinstance(value, dict):
        yield value, pointer
    for position, entry in entries(value):
        yield entry, f"{pointer}/{position}"


def errors_in(field: Json) -> set[str]:
    """The names of errors that a Retry or a Catch has."""
    listed = (errors_of(entry) for _, entry in entries(field))
    return {error for errors in listed for error in errors if isinstance(error, str)}


def errors_of(entry: dict[str, Json]) -> list[Json]:
    """The names of errors that an entry of Retry or Catch has."""
    errors = entry.get("ErrorEquals")
    return errors if isinstance(errors, list) else []


def objects(value: Json) -> Iterator[tuple[str, dict[str, Json]]]:
    """The objects in an object, with their names."""
    for name, entry in value.items() if isinstance(value, dict) else ():
        if isinstance(entry, dict):
            yield name, entry


def _language(fields: dict[str, Json], inherited: str) -> str:
    language = fields.get("QueryLanguage", inherited)
    return language if language in (JSONPATH, JSONATA) else inherited
