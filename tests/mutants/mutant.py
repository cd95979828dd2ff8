"""One fault put into the code by hand, and the test that finds it."""

from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
BLIND = ("tests/mutants", "tests/simulation/test_mutants.py", "tests/template/test_mutants.py")
"""Tests that fail because a text has moved, whatever it means; they find no fault."""


@dataclass(frozen=True, slots=True)
class Mutant:
    """A text that a file has once, its replacement, and what breaks for a user then.

    `found_by` is the test that fails with it, as `file::function`.
    """

    id: str
    file: str
    old: str
    new: str
    breaks: str
    found_by: str

    def __str__(self) -> str:
        return self.id

    def applied_to(self, text: str) -> str:
        """Return the file's text with the fault.

        Raises:
            MovedError: the file does not have the text exactly once.
        """
        if (count := text.count(self.old)) != 1:
            raise MovedError(
                f"{self.file} has the text of mutant {self.id} {count} times. If you have changed"
                f" that line on purpose, write the mutant anew; the code may be right: {self.old!r}"
            )
        return text.replace(self.old, self.new)


class MovedError(Exception):
    """The catalogue is behind the code; this says nothing about the code."""
