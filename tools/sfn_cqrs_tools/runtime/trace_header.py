"""The header that carries a trace of X-Ray from one service to the next."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self


@dataclass(frozen=True, slots=True)
class Trace:
    """A trace, and the segment in it that is the parent of what comes next.

    Source: https://docs.aws.amazon.com/xray/latest/devguide/xray-concepts.html#xray-concepts-tracingheader
    """

    root: str
    parent: str = ""
    is_sampled: bool = False

    @classmethod
    def parse(cls, header: str) -> Self | None:
        """Read a header, such as `Root=1-…;Parent=…;Sampled=1`; None if it names no trace."""
        parts = dict(part.strip().partition("=")[::2] for part in header.split(";"))
        root = parts.get("Root", "")
        if not root.startswith("1-"):
            return None
        return cls(root, parts.get("Parent", ""), parts.get("Sampled") == "1")

    @property
    def header(self) -> str:
        """Return the header that `parse` reads."""
        parent = f"Parent={self.parent};" if self.parent else ""
        return f"Root={self.root};{parent}Sampled={int(self.is_sampled)}"

    def below(self, segment: str) -> Trace:
        """Return the place below a segment of this trace."""
        return replace(self, parent=segment)
