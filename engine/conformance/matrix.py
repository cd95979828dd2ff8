"""Run the conformance suite against this engine and other emulators, and write CONFORMANCE.md.

    .venv/bin/python engine/conformance/matrix.py          # all of them
    .venv/bin/python engine/conformance/matrix.py moto     # this one; the others stay as they were
    .venv/bin/python engine/conformance/matrix.py floci:1.5=http://127.0.0.1:4566
                                                           # one that runs already, and its version

Each emulator is installed from PyPI into a virtual environment of its own below
.build/conformance, and is asked over HTTP on 127.0.0.1, without Docker. A case that fails is run
once more, as a busy machine may have been too slow for it. The cases that failed twice are written
to failures/NAME.json, which `sfn-local conform --from` repeats.
"""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from sfn_local.conformance.cases import load
from sfn_local.conformance.client import Api, Refused
from sfn_local.conformance.runner import Result, run_all

HERE = Path(__file__).parent
BUILD = HERE.parents[1] / ".build" / "conformance"
PAGE = HERE.parent / "CONFORMANCE.md"
FAILURES = HERE / "failures"
FIGURES = HERE / "figures.json"
PLACE = re.compile(r"(<!-- conformance: ([\w-]+) -->)\n.*?(<!-- end -->)", re.S)
OTHERS = "\n## Definitions of public repositories\n"
START_SECONDS = 120.0
JOBS = 16
OURS = "sfn-local"


@dataclass(frozen=True)
class Emulator:
    """An emulator: its distribution, and what starts it; {python}, {bin} and {port} are filled in.

    Some old releases only run with the packages of their time: before. The note says what PyPI
    alone does not give it.
    """

    name: str
    requirement: str
    command: tuple[str, ...]
    environment: dict[str, str] = field(default_factory=dict)
    before: str | None = None
    python: str = "python3.13"
    settings: dict[str, Any] | None = None
    note: str = ""


JAVA = (
    "evaluates JSONata with Java 21 and libraries of Maven Central, which it downloads on demand. "
    "It was measured with PyPI alone, so its JSONata cases fail for that reason."
)
EMULATORS = (
    Emulator(
        "localemu",
        "localemu[runtime]",
        ("{bin}/localemu", "start", "--host", "127.0.0.1", "--port", "{port}"),
        note=JAVA,
    ),
    Emulator(
        "localstack",
        "localstack-core[runtime]==2026.3.0",
        ("{python}", "-m", "localstack.runtime.main"),
        {
            "GATEWAY_LISTEN": "127.0.0.1:{port}",
            "SKIP_SSL_CERT_DOWNLOAD": "1",
            "DISABLE_EVENTS": "1",
        },
        before="2026-04-15",
        note=JAVA,
    ),
    Emulator(
        "ministack",
        "ministack",
        ("{python}", "-m", "ministack.app"),
        {"BIND_HOST": "127.0.0.1", "GATEWAY_PORT": "{port}"},
    ),
    Emulator(
        "moto",
        "moto[server,stepfunctions]",
        ("{bin}/moto_server", "-H", "127.0.0.1", "-p", "{port}"),
        settings={"stepfunctions": {"execute_state_machine": True}},
    ),
)


def main(names: list[str]) -> None:
    """Measure those that are named, or all, and write what was measured."""
    figures = json.loads(FIGURES.read_text("utf-8")) if FIGURES.exists() else {}
    FAILURES.mkdir(exist_ok=True)
    if not names or OURS in names:
        with _ours() as url:
            figures[OURS] = _measure(OURS, version("sfn-local"), url)
    for emulator in EMULATORS:
        if not names or emulator.name in names:
            with _running(emulator) as (url, installed):
                figures[emulator.name] = _measure(emulator.name, installed, url)
    for given in (name for name in names if "=" in name):
        running, _, url = given.partition("=")
        name, _, installed = running.partition(":")
        figures[name] = _measure(name, installed, url)
    FIGURES.write_text(json.dumps(figures, indent=1, sort_keys=True) + "\n", "utf-8")
    PAGE.write_text(page(figures, PAGE.read_text("utf-8")), "utf-8")
    for path in sorted((HERE.parent / "docs").glob("*.md")):
        path.write_text(filled(path.read_text("utf-8"), figures), "utf-8")


def filled(text: str, figures: dict[str, Any]) -> str:
    """Return a page, with the figures of each emulator that it compares with ours."""
    return PLACE.sub(lambda found: f"{found[1]}\n{_beside(found[2], figures)}\n{found[3]}", text)


def _beside(name: str, figures: dict[str, Any]) -> str:
    ours, other = figures[OURS], figures[name]
    lines = [
        f"| area | cases | {OURS} {ours['version']} | {name} {other['version']} |",
        "|---|---:|---:|---:|",
    ]
    for area, (passed, of) in ours["areas"].items():
        got, asked = other["areas"].get(area, ["not asked", of])
        theirs = got if asked == of else f"{got} of {asked}"
        lines.append(f"| {area} | {of} | {passed} | {theirs} |")
    return "\n".join(["", *lines, "", *_notes([name])])


def _notes(names: list[str]) -> list[str]:
    """Return what a reader must know of these emulators, a line each."""
    known = [emulator for emulator in EMULATORS if emulator.name in names and emulator.note]
    return [line for each in known for line in (f"{each.name} {each.note}", "")]


def _measure(name: str, installed: str, url: str) -> dict[str, Any]:
    first = list(run_all(Api(url), load(), JOBS))
    again = (result.case for result in first if not result.has_passed)
    second = {result.case.id: result for result in run_all(Api(url), again, JOBS)}
    results = [second.get(result.case.id, result) for result in first]
    failed = {each.case.id: list(each.complaints) for each in results if not each.has_passed}
    text = json.dumps(failed, ensure_ascii=False, indent=1)
    (FAILURES / f"{name}.json").write_text(text + "\n", "utf-8")
    print(f"{name} {installed}: {len(results) - len(failed)} of {len(results)}", flush=True)
    counts = _by_area(results)
    return {"version": installed, "day": f"{datetime.now(UTC):%Y-%m-%d}", "areas": counts}


def _by_area(results: list[Result]) -> dict[str, list[int]]:
    counts: dict[str, list[int]] = {}
    for result in results:
        entry = counts.setdefault(result.case.area, [0, 0])
        entry[0] += result.has_passed
        entry[1] += 1
    return counts


@contextmanager
def _ours() -> Iterator[str]:
    port = _free_port()
    command = [sys.executable, "-m", "sfn_local.cli", "serve", "--port", str(port)]
    with _process(command, {}, port) as url:
        yield url


@contextmanager
def _running(emulator: Emulator) -> Iterator[tuple[str, str]]:
    folder = BUILD / emulator.name
    programs = folder / "bin"
    if not (folder / "ready").exists():
        _install(emulator, folder)
    port = _free_port()
    names = {"python": str(programs / "python"), "bin": str(programs), "port": str(port)}
    command = [part.format(**names) for part in emulator.command]
    environment = {name: value.format(**names) for name, value in emulator.environment.items()}
    with _process(command, environment, port) as url:
        if emulator.settings is not None:
            body = json.dumps(emulator.settings).encode()
            urllib.request.urlopen(f"{url}/moto-api/config", body, timeout=10).close()
        yield url, _version(emulator, programs)


def _install(emulator: Emulator, folder: Path) -> None:
    """With uv, which knows what was published when."""
    shutil.rmtree(folder, ignore_errors=True)
    subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", "uv"], check=True)
    uv = [sys.executable, "-m", "uv"]
    subprocess.run([*uv, "venv", "--quiet", "--python", emulator.python, str(folder)], check=True)
    until = [] if emulator.before is None else ["--exclude-newer", emulator.before]
    install = [*uv, "pip", "install", "--quiet", "--python", str(folder / "bin" / "python")]
    subprocess.run([*install, *until, emulator.requirement], check=True)
    (folder / "ready").touch()


def _version(emulator: Emulator, programs: Path) -> str:
    name = emulator.requirement.partition("[")[0].partition("=")[0]
    code = f"from importlib.metadata import version; print(version({name!r}))"
    command = [str(programs / "python"), "-c", code]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()


@contextmanager
def _process(command: list[str], environment: dict[str, str], port: int) -> Iterator[str]:
    BUILD.mkdir(parents=True, exist_ok=True)
    url = f"http://127.0.0.1:{port}"
    with (BUILD / "log.txt").open("wb") as log:
        process = subprocess.Popen(
            command, env={**os.environ, **environment}, stdout=log, stderr=log, cwd=BUILD
        )
        try:
            _wait(url, process)
            yield url
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()


def _wait(url: str, process: "subprocess.Popen[bytes]") -> None:
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end and process.poll() is None:
        try:
            Api(url).call("ListStateMachines", {})
        except (OSError, Refused):
            time.sleep(0.5)
        else:
            return
    raise SystemExit(f"{process.args!r} does not answer; see {BUILD / 'log.txt'}")


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def page(figures: dict[str, Any], before: str) -> str:
    """CONFORMANCE.md; what another script writes, from its section on, stays as it was before."""
    names = [OURS, *sorted(figures.keys() - {OURS})]
    areas = sorted({area for each in figures.values() for area in each["areas"]})
    head = "".join(f" {name} {figures[name]['version']} |" for name in names)
    lines = [f"| area |{head}", "|---|" + "---:|" * len(names)]
    for area in areas:
        cells = [figures[name]["areas"].get(area, [0, 0]) for name in names]
        lines.append(f"| {area} |" + "".join(f" {_share(*cell)} |" for cell in cells))
    sums = [
        [sum(entry[part] for entry in figures[name]["areas"].values()) for part in (0, 1)]
        for name in names
    ]
    lines.append("| **all** |" + "".join(f" **{passed}/{of}** |" for passed, of in sums))
    days = ", ".join(f"{name} on {figures[name]['day']}" for name in names)
    notes = "".join(f"- {line}\n" for line in _notes(names) if line)
    _, section, others = before.partition(OTHERS)
    return INTRODUCTION.format(table="\n".join(lines), days=days, notes=notes) + section + others


def _share(passed: int, of: int) -> str:
    """Return how many passed; – where the emulator was not asked yet."""
    return f"{passed}/{of}" if of else "–"


INTRODUCTION = """# How emulators of Step Functions conform

We ran the [conformance suite](conformance/README.md) against each emulator as it comes from PyPI,
over HTTP and without Docker. A case that fails is run once more.
`python engine/conformance/matrix.py` makes this page.

{table}

Measured: {days}.

- The suite and `sfn-local` have the same authors. Each case names the page, section or recording
  that it comes from. If you find one wrong, please open an issue.
{notes}- – is an area that has not been run against the emulator yet.
- Tasks are activities, and the runner is their worker. An emulator without GetActivityTask fails
  every case with a task.
- Emulators that come as a Docker image, such as Floci and robotocore, are not in the table. Start
  one, and `matrix.py NAME:VERSION=URL` adds it.
- [conformance/failures](conformance/failures) has a file for each emulator with the failed cases
  and the reasons. To run these again:

```sh
sfn-local conform --endpoint http://127.0.0.1:4566 --from engine/conformance/failures/ministack.json
```
"""


if __name__ == "__main__":
    main(sys.argv[1:])
