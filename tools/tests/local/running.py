"""`sfn-cqrs up` on a copy of this project, and what it prints while it runs."""

import os
import re
import signal
import subprocess
import sys
import threading
from queue import Empty, Queue

PROJECT = ("app/", "functions/", "layer/", "statemachine/", "template.yaml")
CLI = [sys.executable, "-m", "sfn_cqrs_tools.cli"]


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

    def end(self):
        self._process.send_signal(signal.SIGINT)
        self._process.wait(60)
        self._reader.join()
