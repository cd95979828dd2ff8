"""Errors of expressions; `messages` has the texts."""

from typing import Any


class JsonataError(Exception):
    """An expression that JSONata cannot read, or that fails."""

    def __init__(
        self, code: str, position: int | None = None, name: str = "", **details: Any
    ) -> None:
        """Details fill the places of the code's text; name is put into it without quotes."""
        super().__init__(code)
        self.code = code
        self.position = position
        self.name = name
        self.details = details

    def at(self, position: int, token: str | None) -> "JsonataError":
        """Return the error, placed at what raised it unless that is known more exactly."""
        if not self.position:
            self.position = position
        if token is not None:
            self.details.setdefault("token", token)
        return self


class LimitError(Exception):
    """An evaluation takes more than AWS allows; the text has no code there."""


class InternalError(Exception):
    """An error that AWS answers as an internal one, with an identifier of its own."""
