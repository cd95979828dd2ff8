"""One fault put into the code, what it breaks, and the test that finds it.

A fault names a definition and a fragment of the code in it. The definition is found by its name,
whatever file it is in, and the fragment by its syntax tree, however it is formatted:

    drop("CastVote.on", "vote.seen != approval.digest")
    change("Approval.is_over", "self.expires_at <= now", "self.expires_at < now")
    change_text("_IBAN", "{2,7}", "{3,7}")
"""

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import yaml
from tests.mutants.code import Code, MovedError
from tests.mutants.syntax import definitions, replacing, replacing_text

BLIND = ("tests/mutants", "tests/simulation/test_mutants.py", "tests/template/test_mutants.py")
"""Tests that fail because code has moved, whatever it means; they find no fault."""


class Fault:
    """What a mutant does to the code."""

    def applied_to(self, code: Code) -> tuple[Path, str]:
        """Return the one file that changes, and its text with the fault.

        Raises:
            MovedError: the code does not have what the fault changes, or more than once.
        """
        raise NotImplementedError

    def breaks(self, id_: str, what: str) -> "Mutant":
        """Say what breaks for a user."""
        return Mutant(id_, self, what)


@dataclass(frozen=True, slots=True)
class Mutant:
    """A fault, what breaks for a user, and the test that fails with it: `file::function`."""

    id: str
    fault: Fault
    breaks: str
    found_by: str = ""

    def __str__(self) -> str:
        return self.id

    def by(self, test: str) -> "Mutant":
        """Name the test that finds it."""
        return replace(self, found_by=test)


def found_in(file: str, *mutants: Mutant) -> list[Mutant]:
    """Return mutants that tests of one file find."""
    return [mutant.by(f"{file}::{mutant.found_by}") for mutant in mutants]


@dataclass(frozen=True)
class Edit(Fault):
    """Other code in a definition, such as `Approval.is_over`, `chain.close` or `_BUSY`.

    `before` stands there once, counted over all definitions of that name. `after` is None if it is
    dropped.
    """

    place: str
    before: str
    after: str | None
    is_text: bool = False

    def applied_to(self, code: Code) -> tuple[Path, str]:
        """See Fault."""
        modules = code.modules(self.place)
        file = self.put_into(modules)
        return file, ast.unparse(modules[file])

    def put_into(self, modules: Mapping[Path, ast.Module]) -> Path:
        """Put the fault into the trees of files, and return the file that it is in."""
        found = [file for file, tree in modules.items() for _ in range(self._put(file, tree))]
        if len(found) != 1:
            raise MovedError(self.place, self.before, len(found))
        return found[0]

    def _put(self, file: Path, tree: ast.Module) -> int:
        """Put the fault wherever it fits, and return how often it does."""
        make = replacing_text if self.is_text else replacing
        editor = make(self.before, self.after)
        for name, definition in definitions(tree.body):
            if self.place in (name, f"{file.stem}.{name}"):
                editor.generic_visit(definition)
        ast.fix_missing_locations(tree)
        return editor.count


def drop(place: str, code: str) -> Edit:
    """Take away statements, or a condition, a decorator, an argument or another element.

    A body of `...` stands for any body.
    """
    return Edit(place, code, None)


def change(place: str, before: str, after: str) -> Edit:
    """Put other code in the place of an expression or of statements."""
    return Edit(place, before, after)


def change_text(place: str, before: str, after: str) -> Edit:
    """Change a part of a text."""
    return Edit(place, before, after, is_text=True)


@dataclass(frozen=True)
class Unlisted(Fault):
    """One element less in a list of the template's resource with a logical id."""

    resource: str
    element: str

    def applied_to(self, code: Code) -> tuple[Path, str]:
        """See Fault."""
        text = code.template.read_text(encoding="utf-8")
        found = list(self._spans(_at(yaml.compose(text), "Resources", self.resource)))
        if len(found) != 1:
            raise MovedError(self.resource, self.element, len(found))
        [(begins, ends)] = found
        return code.template, text[:begins] + text[ends:]

    def _spans(self, node: yaml.Node) -> Iterator[tuple[int, int]]:
        """Yield where the element is, with what parts it from the one before it or behind it."""
        nodes = node.value if isinstance(node, yaml.CollectionNode) else []
        if isinstance(node, yaml.MappingNode):
            nodes = [value for _, value in nodes]
        for number, one in enumerate(nodes):
            if isinstance(node, yaml.SequenceNode) and one.value == self.element:
                after = nodes[number + 1 : number + 2]
                if number:
                    yield nodes[number - 1].end_mark.index, one.end_mark.index
                elif after:
                    yield one.start_mark.index, after[0].start_mark.index
            yield from self._spans(one)


@dataclass(frozen=True, slots=True)
class Reworded(Fault):
    """Another text in a text of the template's resource with a logical id."""

    resource: str
    before: str
    after: str

    def applied_to(self, code: Code) -> tuple[Path, str]:
        """See Fault."""
        text = code.template.read_text(encoding="utf-8")
        found = [
            (begins, ends)
            for begins, ends in _texts(_at(yaml.compose(text), "Resources", self.resource))
            if self.before in text[begins:ends]
        ]
        if len(found) != 1 or text[slice(*found[0])].count(self.before) != 1:
            raise MovedError(self.resource, self.before, len(found))
        [(begins, ends)] = found
        told = text[begins:ends].replace(self.before, self.after)
        return code.template, text[:begins] + told + text[ends:]


def _texts(node: yaml.Node) -> Iterator[tuple[int, int]]:
    """Yield where the texts are that a node has."""
    if isinstance(node, yaml.ScalarNode):
        yield node.start_mark.index, node.end_mark.index
    for one in node.value if isinstance(node, yaml.CollectionNode) else []:
        for each in one if isinstance(one, tuple) else [one]:
            yield from _texts(each)


def _at(node: yaml.Node, *path: str) -> yaml.Node:
    for name in path:
        [node] = [value for key, value in node.value if key.value == name]
    return node


def unlist(resource: str, element: str) -> Unlisted:
    """Take an element out of a list of the template, such as a right."""
    return Unlisted(resource, element)


def reword(resource: str, before: str, after: str) -> Reworded:
    """Change a part of one text of the template's resource, such as an expression."""
    return Reworded(resource, before, after)
