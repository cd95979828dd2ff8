"""Ids as people type them: whole, as an unambiguous beginning, or `@` for the last one."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Final

import click

from sfn_cqrs_tools.client.api import Api, ApiProblem
from sfn_cqrs_tools.client.recent import WHOLE_ID

LETTERS: Final = {"task": "ts", "saga": "g", "approval": "a", "import": "czr", "repair": "p"}
LISTED: Final = 500
"""How many ids of each list are searched for a prefix."""
SHOWN: Final = 5


class Id(click.ParamType[str]):
    """The id of a task, a saga, an approval, an import or a repair."""

    name = "id"

    def __init__(self, kind: str) -> None:
        """Take what it is the id of."""
        self.kind = kind

    def resolved(self, api: Api, text: str) -> str:
        """Return the whole id.

        Raises:
            click.ClickException: nothing matches, or several do.
        """
        letters = LETTERS[self.kind]
        known = api.recent.ids(letters) if api.recent else []
        if text == "@":
            return self._last(known)
        if whole := WHOLE_ID.fullmatch(text):
            self._check(text, whole[1])
            return text
        found = {one for one in known if one.startswith(text)}
        found |= {one for one in _listed(api, self.kind) if one.startswith(text)}
        if len(found) == 1:
            return found.pop()
        raise click.ClickException(self._none(text) if not found else self._many(text, found))

    def _last(self, known: list[str]) -> str:
        if not known:
            raise click.ClickException(
                f"@ is the last {self.kind} that was made from here, and there is none yet"
            )
        return known[-1]

    def _check(self, text: str, letter: str) -> None:
        if letter in LETTERS[self.kind]:
            return
        for kind, letters in LETTERS.items():
            if letter in letters:
                raise click.ClickException(
                    f"{text} is the id of {_article(kind)}: sfn-cqrs {kind} show {text}"
                )

    def _none(self, text: str) -> str:
        parts = "TYPE" if self.kind == "task" else ""
        command = f"sfn-cqrs {self.kind} list {parts}".rstrip()
        return (
            f"no {self.kind} has an id that begins with {text!r}; `{command}` lists them,"
            " and @ is the last one"
        )

    def _many(self, text: str, found: set[str]) -> str:
        some = ", ".join(sorted(found)[-SHOWN:])
        more = ", …" if len(found) > SHOWN else ""
        return f"{len(found)} {self.kind}s begin with {text!r}; give more of it: {some}{more}"


def _article(kind: str) -> str:
    return f"{'an' if kind[0] in 'ai' else 'a'} {kind}"


def _listed(api: Api, kind: str) -> Iterator[str]:
    for path, query in _lists(api, kind):
        yield from (one["id"] for one in islice(api.pages(path, **query), LISTED))


def _lists(api: Api, kind: str) -> Iterator[tuple[str, dict[str, str]]]:
    if kind == "import":
        yield from (("/imports", {"kind": one}) for one in ("csv", "zip", "row"))
    elif kind == "approval":
        yield "/approvals", {"status": "ALL"}
    elif kind in ("saga", "repair"):
        yield f"/{kind}s", {}
    else:
        for type_ in task_types(api):
            yield from (("/tasks", {"taskType": type_, "kind": one}) for one in ("batch", "single"))


def task_types(api: Api) -> list[str]:
    """Return the types of tasks, which the API names in its error for an unknown type."""
    try:
        api.get("/tasks", taskType="-")
    except ApiProblem as problem:
        return list(problem.document.get("known", []))
    return []
