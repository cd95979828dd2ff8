"""Places in traces, in the two headers that carry them: X-Ray's and W3C's `traceparent`.

Both have the same 32 digits: X-Ray writes them as `1-{8}-{24}`.
"""

import re
from dataclasses import dataclass, replace
from typing import Self

_MISSING = ""
_TRACEPARENT = re.compile(
    r"(?P<version>[0-9a-f]{2})-(?P<trace>[0-9a-f]{32})-(?P<parent>[0-9a-f]{16})-(?P<flags>[0-9a-f]{2})"
    r"(?P<more>-.*)?"
)
_FIRST_VERSION, _NO_VERSION = "00", "ff"
_SAMPLED = 1


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

    @classmethod
    def of_traceparent(cls, header: str) -> Self | None:
        """Read a `traceparent`; None if it is malformed, so that a new trace begins.

        A later version than 00 may have more at its end, which is left out.
        Source: https://www.w3.org/TR/trace-context/#traceparent-header
        """
        found = _TRACEPARENT.fullmatch(header)
        if found is None or found["version"] == _NO_VERSION:
            return None
        if found["version"] == _FIRST_VERSION and found["more"] is not None:
            return None
        trace, parent = found["trace"], found["parent"]
        if not trace.strip("0") or not parent.strip("0"):
            return None
        is_sampled = bool(int(found["flags"], 16) & _SAMPLED)
        return cls(f"1-{trace[:8]}-{trace[8:]}", parent, is_sampled)

    @property
    def header(self) -> str:
        """The header that `parse` reads."""
        parent = f"Parent={self.parent};" if self.parent else ""
        return f"Root={self.root};{parent}Sampled={int(self.is_sampled)}"

    @property
    def traceparent(self) -> str:
        """The header that `of_traceparent` reads; empty without a parent, which it must have."""
        if not self.parent:
            return ""
        trace = self.root.removeprefix("1-").replace("-", "")
        return f"{_FIRST_VERSION}-{trace}-{self.parent}-{int(self.is_sampled):02}"

    def below(self, segment: str) -> "Trace":
        """The place below a segment of this trace."""
        return replace(self, parent=segment)


def traceparent_of(header: str) -> str:
    """Return X-Ray's header as a `traceparent`; empty if it names no place in a trace."""
    trace = Trace.parse(header)
    return trace.traceparent if trace else ""
