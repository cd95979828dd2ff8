"""The common part of commands and their groups."""

import copy
import importlib
import io
import json
import re
import shlex
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NoReturn, Self, TypeVar

import click

from sfn_local.cli.showing import echo, json_of, visible
from sfn_local.words import closest, refused

C = TypeVar("C", bound=Callable[..., Any])

DONE = 0
FAILED = 1
USAGE = 64
PROGRAM = "sfn-local"
_TYPED = f"{__name__}.typed"

FILE = click.Path(dir_okay=False, path_type=Path)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON, and nothing else.")

always_json_option = click.option(
    "--json", is_flag=True, expose_value=False, help="Also print errors as JSON."
)
"""For commands that print JSON, or lines of it, in any case."""


def several(*options: Callable[[Any], Any]) -> Callable[[C], C]:
    """Return a decorator that adds several arguments and options, the first one as the first."""

    def add(command: C) -> C:
        for option in reversed(options):
            command = option(command)
        return command

    return add


class Command(click.Command):
    """A command whose help ends with examples."""

    def __init__(self, *args: Any, examples: Sequence[str] = (), **kwargs: Any) -> None:
        """Take the examples as a user of this program would type them."""
        super().__init__(*args, **kwargs)
        self.examples = examples

    def called(self, name: str) -> Self:
        """The same command under another name."""
        other = copy.copy(self)
        other.name = name
        old, new = f"{PROGRAM} {self.name}", f"{PROGRAM} {name}"
        other.examples = [example.replace(old, new) for example in self.examples]
        return other

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Keep what was typed, for `typed_with`."""
        ctx.meta[_TYPED] = [*args]
        return super().parse_args(ctx, args)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the examples, as a user of the program that runs would type them."""
        if self.examples:
            with formatter.section("Examples"):
                for example in self.examples:
                    text = example.replace(PROGRAM, _program(ctx))
                    formatter.write(" " * formatter.current_indent + text + "\n")


command: Callable[..., Callable[[Callable[..., Any]], Command]] = partial(
    click.command, cls=Command
)


SENTENCE = 400
"""What no first sentence of a help is longer than."""


class Group(click.Group):
    """Commands whose help ends with examples; their list has the whole first sentence of each."""

    command_class = Command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list; click would cut each line where the terminal ends."""
        named = [(name, self.get_command(ctx, name)) for name in self.list_commands(ctx)]
        shown = [(name, one) for name, one in named if one is not None and not one.hidden]
        with formatter.section("Commands"):
            formatter.write_dl([(name, one.get_short_help_str(SENTENCE)) for name, one in shown])


class LazyGroup(click.Group):
    """A command line whose commands are imported when they are run: their list waits for none."""

    def __init__(
        self,
        *args: Any,
        places: Mapping[str, tuple[str, str]],
        first_steps: Sequence[str],
        sections: Mapping[str, Sequence[str]] | None = None,
        **kwargs: Any,
    ) -> None:
        """Places say where each command is, `module:name`, and what the list says of it.

        Sections have names of commands under headings; the rest is one list.
        """
        super().__init__(*args, **kwargs)
        self._places = places
        named = {name for names in (sections or {}).values() for name in names}
        rest = [name for name in places if name not in named]
        self._sections = {**(sections or {}), **({"Commands": rest} if rest else {})}
        self._first_steps = first_steps

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Their names, in the order of the list."""
        del ctx
        return list(self._places)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command."""
        del ctx
        if cmd_name not in self._places:
            return None
        module, _, attribute = self._places[cmd_name][0].partition(":")
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list."""
        del ctx
        widest = max(map(len, self._places))
        for heading, names in self._sections.items():
            with formatter.section(heading):
                formatter.write_dl([(name.ljust(widest), self._places[name][1]) for name in names])

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the first steps."""
        del ctx
        with formatter.section("First steps"):
            for step in self._first_steps:
                formatter.write(" " * formatter.current_indent + step + "\n")


def program() -> str:
    """Return the name of the program that runs."""
    context = click.get_current_context(silent=True)
    return PROGRAM if context is None else _program(context)


def _program(context: click.Context) -> str:
    return context.find_root().info_name or PROGRAM


def typed_with(option: str, value: object) -> str:
    """The command as it was typed, but for the value of an option: what to type instead."""
    context = click.get_current_context()
    kept: list[str] = []
    typed = iter(context.meta[_TYPED])
    for word in typed:
        if word == option:
            next(typed, None)
        elif not word.startswith(f"{option}="):
            kept.append(word)
    return f"{context.command_path} {shlex.join([*kept, option, str(value)])}"


def print_json(value: Any, *, err: bool = False) -> None:
    """Print one JSON document."""
    echo(json_of(json.dumps(value, ensure_ascii=False, indent=2)), err=err)


def print_shown(value: Any, show: Callable[[Any], object], *, as_json: bool) -> None:
    """Print a result: as JSON, or as it is shown to people."""
    if as_json:
        print_json(value)
    else:
        show(value)


def run_program(cli: click.Command) -> NoReturn:
    """Run a command line; every error is one line on standard error."""
    as_json = "--json" in sys.argv
    _print_any_character()
    typed = Path(sys.argv[0]).name
    name = None if typed == "__main__.py" else typed  # of a module click knows how it is run
    try:
        result = cli.main(standalone_mode=False, prog_name=name)
    except click.UsageError as error:
        _refuse(error, as_json=as_json)
    except click.ClickException as error:
        _fail(error, as_json=as_json)
    except (click.Abort, KeyboardInterrupt):
        _fail(click.ClickException("interrupted"), as_json=as_json)
    except BrokenPipeError:
        sys.exit(DONE)  # `| head` has seen enough
    except OSError as error:
        _fail(click.ClickException(refused(error)), as_json=as_json)
    except Exception as error:
        if not any(kind.__module__ == "botocore.exceptions" for kind in type(error).__mro__):
            raise
        _fail(click.ClickException(str(error)), as_json=as_json)  # AWS refuses, or does not answer
    sys.exit(result if isinstance(result, int) else DONE)


def _print_any_character() -> None:
    """Escape what the terminal's encoding cannot show, which would end the command."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper) and stream.errors == "strict":
            stream.reconfigure(errors="backslashreplace")


def _refuse(error: click.UsageError, *, as_json: bool) -> NoReturn:
    """Say what is wrong with the words of a command; show its help if there are none."""
    told = click.UsageError(visible(error.format_message()) + _suggestion(error), error.ctx)
    if as_json:
        _print_problem(told, "usage")
    elif isinstance(error, click.exceptions.NoArgsIsHelpError):
        error.show()
    else:
        told.show()
    sys.exit(USAGE)


def _suggestion(error: click.UsageError) -> str:
    """Which command is meant, where one was mistyped."""
    found = re.match("No such command '(.*)'", error.message)
    group = error.ctx.command if error.ctx else None
    if found is None or not isinstance(group, LazyGroup) or error.ctx is None:
        return ""  # click knows the commands of any other group, and suggests one itself
    close = closest(found[1], group.list_commands(error.ctx))
    return f" Did you mean {close!r}?" if close else ""


def _print_problem(error: click.ClickException, code: str) -> None:
    """Print an error as RFC 9457 has it: the server's own, or one of this shape."""
    own = {"type": "about:blank", "title": "Error", "detail": error.format_message(), "code": code}
    document = getattr(error, "document", None) or own
    print_json(document, err=True)


def _fail(error: click.ClickException, *, as_json: bool) -> NoReturn:
    if as_json:
        _print_problem(error, "failed")
    else:
        echo(f"error: {error.format_message()}", err=True)
    sys.exit(FAILED)
