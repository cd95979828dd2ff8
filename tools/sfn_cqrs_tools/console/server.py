"""The console as a server of its own, in a thread: it answers until it is closed."""

from __future__ import annotations

import socket
from functools import cached_property
from typing import TYPE_CHECKING, Final

from sfn_cqrs_tools.console.backend import ROOT, Backend
from sfn_cqrs_tools.runtime.serving import Serving
from sfn_local.request_guard import Guard

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

    from sfn_cqrs_tools.console.application import Console

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
        self._console: Console | None = None
        listener = socket.create_server((HOST, port), backlog=128)
        self.port = int(listener.getsockname()[1])
        self.origin = f"http://{HOST}:{self.port}"
        self.url = f"{self.origin}{ROOT}"
        self._serving = Serving(self._answer, [listener], "console", interface="asgi3")

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._application(scope, receive, send)

    @cached_property
    def _application(self) -> ASGIApp:
        """Import the pages when the first is asked for: `up` starts sooner without them."""
        from sfn_cqrs_tools.console.application import Console  # noqa: PLC0415
        from sfn_cqrs_tools.console.pages import FILES, FORMS, PAGES  # noqa: PLC0415

        self._console = Console(self.backend, PAGES, FORMS, FILES)
        return self._console.application(Guard(HOST, is_page=_is_page))

    def close(self) -> None:
        """Stop listening, and end every open page's stream."""
        if self._console is not None:
            self._console.is_closing = True
        self._serving.close()


def _is_page(path: str) -> bool:
    """Return whether a link from another site may open it: GET of a page changes nothing."""
    return path == "/" or (path.startswith(ROOT) and not path.startswith(_NO_PAGES))
