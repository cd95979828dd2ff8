"""The options that many commands share, and how their errors become one line."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import click

from sfn_cqrs_tools.project import state_path, template_path
from sfn_cqrs_tools.runtime.state import STATE_VARIABLE, StackError
from sfn_local.cli.command import FILE, json_option, several
from sfn_local.lint.template_file import TemplateError

P = ParamSpec("P")
T = TypeVar("T")

state_option = click.option(
    "--state",
    type=click.Path(file_okay=False, path_type=Path),
    envvar=STATE_VARIABLE,
    default=state_path,
    show_default=".sfn-cqrs in the project",
    help="Folder of the local stack.",
)
template_option = click.option(
    "--template",
    type=FILE,
    default=template_path,
    show_default="template.yaml of the project",
    help="The SAM template.",
)
stack_option = click.option(
    "--stack", metavar="NAME", help="A stack on AWS, instead of the local one."
)


limit_option = click.option("--limit", type=click.IntRange(1), default=20, show_default=True)
RATE = 200.0
"""Read units a second that a stack on AWS can spare."""


def _rate(context: click.Context, _option: click.Parameter, rate: float | None) -> float:
    """Return the given rate; without one, the local stack has no limit."""
    if rate is None:  # click has read the options that are given before those that are not
        return RATE if context.params.get("stack") else 0.0
    return rate


rate_option = click.option(
    "--rate",
    type=click.FloatRange(0),
    callback=_rate,
    show_default=f"{RATE:g} with --stack, else 0",
    metavar="UNITS",
    help="Read units a second at most; 0 is no limit.",
)
no_wait_option = click.option("--no-wait", is_flag=True, help="Do not wait for the end.")
repeats_option = click.option(
    "--express-repeats",
    "repeats",
    type=click.FloatRange(0, 1),
    metavar="SHARE",
    help="The share of EXPRESS executions that run twice, as AWS's may.",
)


TENANT_HELP = (
    "Tenant; on AWS this uses your AWS credentials instead of a token.  [default: tenant1, or the"
    " token's]"
)

AS_HELP = (
    "A user of the local stack; nina:nurse,doctor is in these groups, and nina: in none."
    "  [default: you, in the group operator]"
)


stack_options = several(state_option, stack_option)
"""--state and --stack: a stack on this machine, or one on AWS."""


def port_option(default: int, summary: str) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """Add --port, where 0 takes any that is free."""
    ports = click.IntRange(0, 65535)
    return click.option("--port", type=ports, default=default, show_default=True, help=summary)


item_arguments = several(click.argument("type_", metavar="TYPE"), click.argument("code"))

weather_options = several(
    click.option(
        "--weather",
        metavar="SHARE",
        type=click.FloatRange(0, 0.5),
        help="A bad day of AWS: this share of the functions' calls, of invocations and of answers"
        " fails, such as 0.04.",
    ),
    click.option("--seed", type=int, default=1, show_default=True, help="The chance of --weather."),
)
"""How much of AWS fails, and by which chance."""


def target_options(command: Callable[P, T]) -> Callable[..., T]:
    """Add --state, --stack, --tenant and --as, and pass on the API that they name as `api`."""

    @stack_options
    @click.option("--tenant", metavar="CODE", help=TENANT_HELP)
    @click.option("--as", "person", metavar="USER[:GROUPS]", help=AS_HELP)
    @functools.wraps(command)
    def wrapped(
        *args: Any,
        state: Path,
        stack: str | None,
        tenant: str | None,
        person: str | None,
        **kwargs: Any,
    ) -> T:
        from sfn_cqrs_tools.client.api import connect  # noqa: PLC0415 - --help needs no HTTP client

        with one_line_errors():
            api = connect(state, stack, tenant)
            if person is not None:
                api = api.with_headers(headers_of(person, is_local=stack is None))
            for parameter in click.get_current_context().command.params:
                name = parameter.name or ""
                if hasattr(parameter.type, "resolved"):  # an id, which only the stack can complete
                    kwargs[name] = parameter.type.resolved(api, kwargs[name])
            return command(*args, api=api, **kwargs)  # type: ignore[arg-type]

    return wrapped


def headers_of(named: str, *, is_local: bool) -> dict[str, str]:
    """Return the headers that stand for a user, and for the user's groups if they are named.

    Raises:
        click.UsageError: the stack is on AWS, where the token says who asks.
    """
    if not is_local:
        raise click.UsageError("--as is for the local stack; on AWS the token says who you are")
    user, has_groups, groups = named.partition(":")
    headers = {"x-user": user, **({"x-roles": groups} if has_groups else {})}
    return {name: value.encode().decode("latin-1") for name, value in headers.items()}


def api_options(command: Callable[P, T]) -> Callable[..., T]:
    """Add --json to the options of `target_options`."""
    return target_options(json_option(command))


@contextmanager
def one_line_errors(*more: type[Exception]) -> Iterator[None]:
    """Turn the errors that tell what to do, and more of them, into click's."""
    kinds: tuple[type[Exception], ...] = (StackError, TemplateError, *more)
    try:
        yield
    except kinds as error:
        raise click.ClickException(str(error)) from error
