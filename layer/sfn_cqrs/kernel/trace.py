"""A place in a trace of X-Ray, as headers and items carry it."""

from dataclasses import dataclass, replace
from typing import Self

_MISSING = ""


@dataclass(frozen=True, slots=True)
class Trace:
    """A trace, and the segment in it that is the parent of what comes next.

    `root` is the trace's id, `1-{8 hex}-{24 hex}`, `parent` has 16 hex digits or is empty. What
    is not sampled is carried on all the same: the next part must not sample it either.
    Source: https://docs.aws.amazon.com/xray/latest/devguide/xray-concepts.html#xray-concepts-tracingheader
    """

    root: str
    parent: str = _MISSING
    is_sampled: bool = False

    @classmethod
    def parse(cls, header: str) -> Self | None:
        """Read a header, such as `Root=1-…;Parent=…;Sampled=1`; None if it names no trace."""
        parts = dict(part.strip().partition("=")[::2] for part in header.split(";"))
        root = parts.get("Root", _MISSING)
        if not root.startswith("1-"):
            return None
        return cls(root, parts.get("Parent", _MISSING), parts.get("Sampled") == "1")

    @property
    def header(self) -> str:
        """The header that `parse` reads."""
        parent = f"Parent={self.parent};" if self.parent else ""
        return f"Root={self.root};{parent}Sampled={int(self.is_sampled)}"

    def below(self, segment: str) -> "Trace":
        """The place below a segment of this trace."""
        return replace(self, parent=segment)
