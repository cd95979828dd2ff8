"""A terminal of so many columns, for what a person sees: colours are left out."""

import fcntl
import os
import pty
import re
import signal
import struct
import subprocess
import termios
import threading
import time

_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_ERASED = re.compile(r"[^\n]*(\r\n(\x1b\[\?25h)?\r\x1b\[1A|\r)\x1b\[2K")
"""A line that is written anew, or is left and then taken away."""


def _takes_ctrl_c():
    """Own the terminal, and end on Ctrl-C even if the tests run in the background of a shell."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


class Terminal:
    """One command that runs in a terminal of its own."""

    def __init__(self, *command, columns=80, cwd=None, env=None):
        """Start it."""
        ours, its = pty.openpty()
        fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
        self._process = subprocess.Popen(
            [str(part) for part in command],
            stdin=its,
            stdout=its,
            stderr=its,
            cwd=cwd,
            env={**os.environ, "TERM": "xterm-256color", "COLUMNS": str(columns), **(env or {})},
            start_new_session=True,
            preexec_fn=_takes_ctrl_c,  # noqa: PLW1509 - nothing else does both
        )
        os.close(its)
        self._terminal = ours
        self._printed = bytearray()
        self._is_over = False
        self._more = threading.Condition()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        while True:
            try:
                data = os.read(self._terminal, 65_536)
            except OSError:  # it has ended
                data = b""
            with self._more:
                self._printed += data
                self._is_over = not data
                self._more.notify_all()
            if not data:
                return

    @property
    def text(self):
        """All that is printed so far, without colours."""
        return _plain(self._printed.decode(errors="replace"))

    @property
    def left(self):
        """What stands there, without the lines that were erased."""
        return _plain(_ERASED.sub("", self._printed.decode(errors="replace")))

    def until(self, pattern, seconds=60):
        """Wait until something is printed."""
        deadline = time.monotonic() + seconds
        with self._more:
            while not (found := re.search(pattern, self.text, re.MULTILINE)):
                left = deadline - time.monotonic()
                if left <= 0 or self._is_over:
                    raise AssertionError(f"{pattern!r} is not in:\n{self.text}")
                self._more.wait(left)
        return found

    def press(self, keys):
        """Type."""
        os.write(self._terminal, keys.encode())

    def press_ctrl_c(self):
        """As a person does: the terminal sends the signal."""
        self.press("\x03")

    def ended(self, seconds=60):
        """Wait for the end; answers the exit code."""
        code = self._process.wait(seconds)
        self._reader.join(seconds)
        return code

    def close(self):
        """End what still runs."""
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        self._reader.join()
        os.close(self._terminal)


def _plain(printed):
    return _ESCAPES.sub("", printed).replace("\r\n", "\n")
