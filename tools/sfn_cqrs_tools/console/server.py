"""The console as a server of its own, in a thread: it answers until it is closed."""

from __future__ import annotations

import socket
from typing import Final

from sfn_cqrs_tools.console.application import ROOT, Console
from sfn_cqrs_tools.console.backend import Backend
from sfn_cqrs_tools.console.pages import FILES, FORMS, PAGES
from sfn_cqrs_tools.runtime.serving import Serving
from sfn_local.request_guard import Guard

HOST: Final = "127.0.0.1"
_NO_PAGES: Final = (f"{ROOT}/static/", f"{ROOT}/live")


class ConsoleServer:
    """A console that listens on this machine alone."""

    def __init__(self, backend: Backend, port: int = 0) -> None:
        """Listen at once; port 0 takes a free one.

        Raises:
            OSError: the port is taken.
        """
        self.backend = backend
        self._console = Console(backend, PAGES, FORMS, FILES)
        listener = socket.create_server((HOST, port), backlog=128)
        self.port = int(listener.getsockname()[1])
        self.origin = f"http://{HOST}:{self.port}"
        self.url = f"{self.origin}{ROOT}"
        application = self._console.application(Guard(HOST, is_page=_is_page))
        self._serving = Serving(application, [listener], "console")

    def close(self) -> None:
        """Stop listening, and end every open page's stream."""
        self._console.is_closing = True
        self._serving.close()


def _is_page(path: str) -> bool:
    """Return whether a link from another site may open it: GET of a page changes nothing."""
    return path == "/" or (path.startswith(ROOT) and not path.startswith(_NO_PAGES))
