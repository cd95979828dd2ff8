"""Which clients may publish what is written: asked for, and said in the code."""

from __future__ import annotations

import re
from dataclasses import dataclass

from sfn_cqrs_tools.scaffold.app_package import call
from sfn_cqrs_tools.scaffold.changes import ScaffoldError

_GROUP = re.compile(r"group:([^\s\"'\\]{1,60})")


@dataclass(frozen=True)
class Audience:
    """A policy as code, such as `MEMBERS`, and the name to import for it."""

    code: str
    name: str

    @classmethod
    def of(cls, text: str) -> Audience:
        """Read `code`, `members` or `group:NAME`.

        Raises:
            ScaffoldError: it is none of them.
        """
        group = _GROUP.fullmatch(text)
        if group:
            return cls(f'group("{group[1]}")', "group")
        if text not in ("code", "members"):
            raise ScaffoldError(f"{text!r} is neither code, members nor group:NAME")
        return cls(text.upper(), text.upper())

    def declaration(self, type_: str, model: str = "") -> str:
        """Write what declares a type of commands, with its model if it has one."""
        more = [f"model={model}"] if model else []
        return call("command_type", f'"{type_}"', f"publish={self.code}", *more)

    @property
    def import_line(self) -> str:
        """Return the statement that imports it."""
        return f"from sfn_cqrs.types import {self.name}"
