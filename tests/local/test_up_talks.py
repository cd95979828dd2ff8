"""What `up` says while it runs, read as a newcomer reads it: from its terminal."""

import json
import os
import re
import signal
import subprocess
import sys
import threading
import urllib.request
from queue import Empty, Queue

import pytest
from tests.local.project import copy_project

pytestmark = pytest.mark.stack

PROJECT = ("app/", "functions/", "layer/", "statemachine/", "template.yaml")


class Up:
    """A stack that runs, and what it prints."""

    def __init__(self, project, state, *more):
        self.options = ["--state", str(state), "--template", str(project / "template.yaml")]
        self._process = subprocess.Popen(
            [*CLI, "up", "--port", "0", *self.options, *more],
            stdout=subprocess.PIPE,
            text=True,
            env={
                **os.environ,
                "PYTHONUNBUFFERED": "1",
                "PYTHONPATH": os.pathsep.join(str(project / one) for one in ("layer", "app")),
            },
        )
        self._lines: Queue[str] = Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def pid(self):
        """Its own process."""
        return self._process.pid

    def _read(self):
        for line in self._process.stdout:
            self._lines.put(line.rstrip("\n"))

    def until(self, pattern):
        """The line that matches, and as many below it as say more."""
        seen = []
        try:
            while not (found := re.search(pattern, "\n".join(seen), re.MULTILINE)):
                seen.append(self._lines.get(timeout=60))
        except Empty:
            raise AssertionError("\n".join(seen)) from None
        return found

    def has_said(self, pattern, unless=None):
        """Whether a line has come, or comes now, that matches; the lines before it are gone."""
        while (line := self._soon()) is not None:
            assert unless is None or unless not in line, line
            if re.search(pattern, line):
                return True
        return False

    def _soon(self):
        try:
            return self._lines.get(timeout=0.02)
        except Empty:
            return None

    def run(self, *command):
        return subprocess.run(
            [*CLI, *command, *self.options[:2]], capture_output=True, text=True, check=False
        )

    def end(self):
        self._process.send_signal(signal.SIGINT)
        self._process.wait(60)
        self._reader.join()


CLI = [sys.executable, "-m", "sfn_cqrs_tools.cli"]


PARCELS = """from sfn_cqrs import bootstrap
from sfn_cqrs.domain.policy import MEMBERS
from sfn_cqrs.service.handlers import command_type, sync_handler
from sfn_cqrs.service.read_models import read_model_type

command_type("PARCEL", publish=MEMBERS)
read_model_type("parcels_by_sender", by="sender", read=MEMBERS)


@sync_handler("PARCEL")
def parcels_by_sender(command):
    row = {
        "version": command.version,
    }
    sender = str(command.attributes["sender"])
    bootstrap.read_model("parcels_by_sender").put_if_newer(
        command.key.tenant, sender, command.key.code, row
    )
"""


@pytest.fixture
def project(tmp_path):
    copied = copy_project(tmp_path / "project", only=PROJECT)
    (copied / "app/starter/parcels.py").write_text(PARCELS)
    return copied


@pytest.fixture
def up(project, tmp_path):
    started = Up(project, tmp_path / "state")
    yield started
    started.end()


def test_up_says_where_it_is_what_failed_what_is_broken_and_what_is_mended(up, project):
    http = up.until(r"^  http    (\S+)\n  live    \1/live\.html\n  docs    \1/docs$")[1]
    up.until("^Ctrl-C ends it")

    body = {"type": "PARCEL", "code": "p 1", "name": "first", "attributes": {"weight": 1}}
    request = urllib.request.Request(f"{http}/commands", json.dumps(body).encode())
    urllib.request.urlopen(request, timeout=30).close()
    up.until(
        r"failed    CommandSyncDataFunction: SyncHandlerError: parcels_by_sender: KeyError"
        r": 'sender'\n +File \".*app/starter/parcels\.py\", line \d+, in parcels_by_sender"
        r"\n +sender = str\(command\.attributes\[\"sender\"\]\)"
        r"\n +sfn-cqrs chain show PARCEL 'p 1'$"
    )

    parcels = project / "app/starter/parcels.py"
    good = parcels.read_text()
    parcels.write_text(good.replace("row = {", "row = = {"))
    up.until(
        r"broken    starter\.parcels cannot be imported: SyntaxError.*\n"
        r" +File \".*app/starter/parcels\.py\", line \d+\n +row = = \{$"
        r"(.*\n)*.*broken    app/starter/parcels\.py:"
        r" the stack continues with the code from before$"
    )
    given = json.dumps({"sender": "ada"})
    parcel = ("PARCEL", "p-2", "--name", "x", "--attributes", given, "--wait")
    published = up.run("publish", *parcel)
    rebuilt = up.run("read-model", "rebuild", "parcels_by_sender")
    ill = up.run("doctor", *up.options[2:])

    parcels.write_text(good)
    up.until(
        r"mended    starter\.parcels can be imported again\n.*reloaded  app/starter/parcels\.py$"
    )
    well = up.run("doctor", *up.options[2:])

    (project / "functions/zip_orchestrator/list_zip/app.py").write_text("import no_such_library\n")
    up.until(
        r"broken    functions/zip_orchestrator/list_zip cannot be imported: ModuleNotFoundError: .*"
        r"\n +File \".*/list_zip/app\.py\", line 1, in <module>\n +import no_such_library$"
    )

    assert published.returncode == 0, published.stderr
    assert rebuilt.stderr.startswith(
        "error: app_broken: a rebuild would run the code from before: starter.parcels cannot be"
    )
    assert ill.returncode == 1
    assert ill.stdout.startswith("starter.parcels cannot be imported: SyntaxError: invalid syntax")
    assert "row = = {" in ill.stdout
    assert "cannot be imported" not in well.stdout
