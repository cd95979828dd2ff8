"""The digest of failures: one message for many failures."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

MAX_GROUPS = 20
MAX_EXAMPLES = 3
MAX_LINE = 300
_UNSHOWN = re.compile(
    "[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]"
)
_VERSION = re.compile(r"(?P<type>[A-Z][A-Z0-9_]*)#(?P<code>.*)@(?P<version>\d+)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Digest:
    """A message to people; the subject is what SNS lets an e-mail have."""

    subject: str
    text: str


def digest_of(failures: Sequence[dict[str, Any]], stack: str) -> Digest:
    """Failures by their errors, the most frequent first, each with the first that it met.

    `failures` are notices `sfn-alarm`, at least one.
    """
    groups: dict[str, list[str]] = {}
    for failure in failures:
        error = _plain(failure["content"]["errorMessage"].partition("\n")[0][:MAX_LINE])
        groups.setdefault(error, []).append(_place(failure))
    count = f"{len(failures)} failure{'s' if len(failures) > 1 else ''}"
    most = sorted(groups.items(), key=lambda group: -len(group[1]))
    lines = [f"{count} in {stack}:", *_listed(most[:MAX_GROUPS])]
    if len(most) > MAX_GROUPS:
        lines += ["", f"… and {len(most) - MAX_GROUPS} other errors."]
    lines += [
        "",
        f"All that needs somebody: sfn-cqrs doctor --stack {stack}",
        "What to do: docs/runbooks/README.md",
    ]
    return Digest(f"{count} in {stack}"[:100], "\n".join(lines))


def _listed(groups: Iterable[tuple[str, list[str]]]) -> Iterable[str]:
    for error, places in groups:
        yield from ("", f"{len(places)} × {error}")
        yield from (f"    {place}" for place in places[:MAX_EXAMPLES])
        if len(places) > MAX_EXAMPLES:
            yield f"    … and {len(places) - MAX_EXAMPLES} more"


def _place(failure: dict[str, Any]) -> str:
    """A failed item, as the command line names it, and its tenant."""
    version = _VERSION.fullmatch(failure["sk"])
    subject = failure["id"]
    if version is not None:
        subject = f"{version['type']} {version['code']} v{int(version['version'])}"
    return _plain(f"{subject} of {failure['tenantCode']}"[:MAX_LINE])


def _plain(text: str) -> str:
    """Return other people's text as a mail shows it: nothing hidden, nothing to click on."""
    shown = _UNSHOWN.sub(lambda found: f"⟨U+{ord(found[0]):04X}⟩", text)
    return shown.replace("://", "[:]//").replace("www.", "www[.]")
