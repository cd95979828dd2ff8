"""Work in a process of its own, where the handlers are those of the working copy."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from contextlib import redirect_stdout
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from sfn_cqrs_tools.client.aws import Target
    from sfn_cqrs_tools.runtime.template import Template

QUIET: Final = {"POWERTOOLS_LOG_LEVEL": "CRITICAL", "AWS_XRAY_DAEMON_ADDRESS": ""}


class NotReplayedError(Exception):
    """The work could not be done; the text says why."""


def replayed(target: Target, template: Template, wanted: Mapping[str, Any]) -> dict[str, Any]:
    """Replay a stack's versions through the template's handlers, and return the report as JSON.

    Raises:
        NotReplayedError: the package cannot be imported, or something does not exist.
    """
    return asked_of(__name__, target, template, wanted)


def asked_of(
    module: str, target: Target, template: Template, wanted: Mapping[str, Any]
) -> dict[str, Any]:
    """Run a module with the template's package and a stack's tables, and return its answer.

    Raises:
        NotReplayedError: the package cannot be imported, or something does not exist.
    """
    from sfn_cqrs_tools.client.tables import tables_of  # noqa: PLC0415 - the other process needs none

    package = template.environment.get("APP_PACKAGE", "")
    sources = [str(source) for source in template.layers if (source / package).is_dir()]
    with tables_of(target):
        environment = {**os.environ, "APP_PACKAGE": package, **QUIET}
    done = subprocess.run(
        [sys.executable, "-P", "-m", module, *sources],
        env=environment,
        input=json.dumps(wanted),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        lines = done.stderr.strip().splitlines() or ["it ended without an answer"]
        raise NotReplayedError(lines[-1])
    report: dict[str, Any] = json.loads(done.stdout)
    return report


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
    return Replay(boto3.client("dynamodb"), boto3.client("s3"), wanted).run().as_json()


if __name__ == "__main__":
    answer(_replay)
