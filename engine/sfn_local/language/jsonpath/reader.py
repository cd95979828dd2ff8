"""A text and a position in it, for the small parsers of this package."""

import re

BLANKS = re.compile(r"\s*")
QUOTED = re.compile(r"'((?:[^'\\]|\\.)*)'|\"((?:[^\"\\]|\\.)*)\"", re.DOTALL)
ESCAPES = {quote: re.compile(rf"\\([\\{quote}])") for quote in "'\""}


class PathSyntaxError(ValueError):
    """A path, or a call of an intrinsic function, is not well formed."""

    def __init__(self, message: str, text: str, position: int) -> None:
        """Position counts the characters before the place that is wrong."""
        super().__init__(f"{message}, at character {position + 1} of '{text}'")
        self.message = message
        self.position = position


class Reader:
    """Reads a text from its start to its end."""

    __slots__ = ("position", "text")

    def __init__(self, text: str) -> None:
        """Stand before the first character."""
        self.text = text
        self.position = 0

    @property
    def at_end(self) -> bool:
        """Whether everything was read."""
        return self.position >= len(self.text)

    def peek(self) -> str:
        """The next character; empty at the end."""
        return self.text[self.position : self.position + 1]

    def take(self, expected: str) -> bool:
        """Step over the expected characters, if they are next."""
        if not self.text.startswith(expected, self.position):
            return False
        self.position += len(expected)
        return True

    def expect(self, expected: str) -> None:
        """Step over the expected characters.

        Raises:
            PathSyntaxError: they are not next.
        """
        if not self.take(expected):
            raise self.error(f"{expected} should stand here")

    def match(self, pattern: re.Pattern[str]) -> str | None:
        """Step over what the pattern matches here."""
        found = pattern.match(self.text, self.position)
        if found is None:
            return None
        self.position = found.end()
        return found.group()

    def skip_blanks(self) -> None:
        """Step over white space."""
        self.match(BLANKS)

    def quoted(self) -> str:
        r"""A string in single or double quotes, with \ before that quote or another \.

        Raises:
            PathSyntaxError: there is none, or it does not end.
        """
        text = self.match(QUOTED)
        if text is None:
            raise self.error("a quoted string should stand here")
        return ESCAPES[text[0]].sub(r"\1", text[1:-1])

    def error(self, message: str) -> PathSyntaxError:
        """Return the error at the position."""
        return PathSyntaxError(message, self.text, self.position)
