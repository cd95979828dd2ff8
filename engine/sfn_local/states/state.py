"""The common part of all states."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import ClassVar

from sfn_local.dataflow.fields import choice_in
from sfn_local.dataflow.flow import LANGUAGES
from sfn_local.document import Document, Json
from sfn_local.errors import DefinitionError, RuntimeFailure
from sfn_local.executions.line import Line, Visit

TYPES_THAT_LAST = ("Map", "Parallel", "Task", "Wait")

Transition = tuple[Document, str | None]


class State(ABC):
    """One state of a definition, compiled; its subclasses are the types."""

    type: ClassVar[str]
    can_retry: ClassVar[bool] = False
    needs_transition: ClassVar[bool] = True
    entered: ClassVar[str]
    exited: ClassVar[str]
    aborted: ClassVar[str | None]

    def __init_subclass__(cls, **kwargs: object) -> None:
        """Name the events of a type once."""
        super().__init_subclass__(**kwargs)
        if "type" in cls.__dict__:
            cls.entered = f"{cls.type}StateEntered"
            cls.exited = f"{cls.type}StateExited"
            cls.aborted = f"{cls.type}StateAborted" if cls.type in TYPES_THAT_LAST else None

    def __init__(self, name: str, definition: dict[str, Json]) -> None:
        """Read the fields that all types have.

        Raises:
            DefinitionError: the state has neither Next nor End, or an unknown QueryLanguage.
        """
        self.name = name
        self.next = definition.get("Next")
        choice_in(definition, "QueryLanguage", LANGUAGES)
        if self.needs_transition and self.next is None and definition.get("End") is not True:
            raise DefinitionError("a Next, or an End that is true, is missing")

    def targets(self) -> Iterator[str]:
        """The names of the states that may follow."""
        if self.next is not None:
            yield self.next

    async def run(self, line: Line, document: Document) -> Transition:
        """Visit the state; its output, and the name of the state that follows.

        Raises:
            StateFailure: the state failed, and did not catch it.
        """
        visit = Visit(line, self, document)
        if line.runtime.ways is not None:
            line.runtime.took(self.name, "State")
        try:
            output, following = await self.execute(visit)
        except RuntimeFailure as failure:
            raise visit.explain(failure) from None
        visit.exit(output)
        return output, following

    @abstractmethod
    async def execute(self, visit: Visit) -> Transition:
        """Do what the type does; the output, and the name of the state that follows.

        Raises:
            StateFailure: the state fails.
        """
