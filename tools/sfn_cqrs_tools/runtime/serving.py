"""An ASGI application served in a thread, until it is closed."""

from __future__ import annotations

import socket
import threading
from collections.abc import Sequence
from typing import Any, Final

import uvicorn
from starlette.types import ASGIApp

PATIENCE_SECONDS: Final = 5.0


class Serving:
    """A server in a thread, which logs nothing of its own."""

    def __init__(
        self, application: ASGIApp, listeners: Sequence[socket.socket], name: str, **config: Any
    ) -> None:
        """Serve at once; `config` is uvicorn's."""
        self._server = uvicorn.Server(
            uvicorn.Config(
                application,
                log_config=None,
                access_log=False,
                lifespan="off",
                server_header=False,
                timeout_graceful_shutdown=1,
                **config,
            )
        )
        self._thread = threading.Thread(
            target=self._server.run, args=([*listeners],), daemon=True, name=name
        )
        self._thread.start()

    def close(self) -> None:
        """Stop listening."""
        self._server.should_exit = True
        self._thread.join(PATIENCE_SECONDS)
