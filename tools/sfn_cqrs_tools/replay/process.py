"""Work in a process of its own, where the handlers are those of the working copy."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping
from contextlib import redirect_stdout
from tempfile import TemporaryFile
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from sfn_cqrs_tools.client.aws import Target
    from sfn_cqrs_tools.runtime.template import Template

_DONE: Final = "\x1edone "
Told = Callable[[int], None]
"""Takes how much is done so far."""
QUIET: Final = {"POWERTOOLS_LOG_LEVEL": "CRITICAL", "AWS_XRAY_DAEMON_ADDRESS": ""}


class NotReplayedError(Exception):
    """The work could not be done; the text says why."""


def replayed(
    target: Target, template: Template, wanted: Mapping[str, Any], told: Told | None = None
) -> dict[str, Any]:
    """Replay a stack's versions through the template's handlers, and return the report as JSON.

    Raises:
        NotReplayedError: the package cannot be imported, or something does not exist.
    """
    return asked_of(__name__, target, template, wanted, told)


def asked_of(
    module: str,
    target: Target,
    template: Template,
    wanted: Mapping[str, Any],
    told: Told | None = None,
) -> dict[str, Any]:
    """Run a module with the template's package and a stack's tables, and return its answer.

    `told` gets how much it has done, whenever it says so.

    Raises:
        NotReplayedError: the package cannot be imported, or something does not exist.
    """
    from sfn_cqrs_tools.client.tables import tables_of  # noqa: PLC0415 - the other process needs none

    package = template.environment.get("APP_PACKAGE", "")
    sources = [str(source) for source in template.layers if (source / package).is_dir()]
    with tables_of(target):
        environment = {**os.environ, "APP_PACKAGE": package, **QUIET}
    with TemporaryFile("w+", encoding="utf-8") as asked, TemporaryFile("w+") as answered:
        json.dump(wanted, asked)
        asked.seek(0)
        with subprocess.Popen(
            [sys.executable, "-P", "-m", module, *sources],
            env=environment,
            stdin=asked,
            stdout=answered,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            last = _last_line(process.stderr or (), told)
        if process.returncode:
            raise NotReplayedError(last or "it ended without an answer")
        answered.seek(0)
        report: dict[str, Any] = json.load(answered)
        return report


def _last_line(lines: Iterable[str], told: Told | None) -> str:
    """Return the last line that is not empty; those that say how much is done are for `told`."""
    last = ""
    for line in lines:
        if line.startswith(_DONE):
            if told is not None:
                told(int(line.removeprefix(_DONE)))
        elif line.strip():
            last = line.strip()
    return last


def tell(done: int) -> None:
    """Let the process that waits for the answer know how much is done."""
    print(f"{_DONE}{done}", file=sys.stderr, flush=True)


def answer(work: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    """Print the answer of work that standard input asks for."""
    for source in reversed(sys.argv[1:]):
        sys.path.insert(0, source)
    with redirect_stdout(sys.stderr):  # handlers may print what they like
        from sfn_cqrs.kernel.errors import SfnCqrsError  # noqa: PLC0415 - after the path is set

        try:
            report = work(json.load(sys.stdin))
        except SfnCqrsError as error:
            sys.exit(str(error).splitlines()[0])
    print(json.dumps(report, default=str))


def _replay(asked: dict[str, Any]) -> dict[str, Any]:
    import boto3  # noqa: PLC0415 - after the path is set

    from sfn_cqrs_tools.replay.replaying import Replay, Wanted  # noqa: PLC0415

    lists = {name: tuple(asked[name]) for name in asked.keys() & {"types", "ignore"}}
    wanted = Wanted(**{**asked, **lists})
    return Replay(boto3.client("dynamodb"), boto3.client("s3"), wanted).run(tell).as_json()


if __name__ == "__main__":
    answer(_replay)
