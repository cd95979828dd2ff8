"""The start of work in the background: a task or a saga."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ParamSpec, TypeVar

import click

from sfn_cqrs_tools.cli.arguments import read_json
from sfn_cqrs_tools.client.api import Api, given, idempotent
from sfn_cqrs_tools.terminal.printing import print_answer

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True)
class Beginning:
    """The options of a start of work in the background."""

    input: Any
    name: str | None
    idempotency_key: str | None
    is_awaited: bool

    def begin(
        self,
        api: Api,
        path: str,
        body: dict[str, Any],
        follow: Callable[..., None],
        *,
        as_json: bool,
    ) -> None:
        """Start the work, once for each key; follow it, or print its id."""
        named = json.dumps(given({**body, "input": self.input, "name": self.name}))
        id_ = api.post(path, named, idempotent(self.idempotency_key))["id"]
        if self.is_awaited:
            follow(api, id_, as_json=as_json)
        else:
            print_answer({"id": id_}, id_, as_json=as_json)


def beginning_options(named: str, begun: str) -> Callable[[Callable[P, T]], Callable[..., T]]:
    """Add INPUT, --name, --no-wait and --idempotency-key, and pass them on as `beginning`."""

    def decorate(command: Callable[P, T]) -> Callable[..., T]:
        @click.argument("input_", metavar="INPUT")
        @click.option("--name", help=f"Its name.  [default: {named}]")
        @click.option("--no-wait", is_flag=True, help="Print the id, and do not wait for the end.")
        @click.option(
            "--idempotency-key",
            metavar="KEY",
            help=f"With the same key and input it is {begun} once.",
        )
        @functools.wraps(command)
        def wrapped(
            *args: Any,
            input_: str,
            name: str | None,
            no_wait: bool,
            idempotency_key: str | None,
            **kwargs: Any,
        ) -> T:
            sent = read_json(input_, "INPUT")
            beginning = Beginning(sent, name, idempotency_key, not no_wait)
            return command(*args, beginning=beginning, **kwargs)  # type: ignore[arg-type]

        return wrapped

    return decorate
