"""The page of live updates, which the front serves: so it has an origin, and the API is its own."""

from __future__ import annotations

from http import HTTPStatus
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from sfn_local.http_server import Request, Response

PAGE: Final = "/live.html"
PLACES: Final = "/live.json"
_STATIC: Final = Path(__file__).with_name("static")
_TYPES: Final = {".html": "text/html", ".js": "text/javascript", ".css": "text/css"}
_NAMES: Final = ("live.html", "live.css", "live.js", "live-client.js")
_FILES: Final = {f"/{name}": f"{_TYPES[Path(name).suffix]}; charset=utf-8" for name in _NAMES}


class LivePage:
    """Serves the page, its assets and the address that it connects to."""

    def __init__(self, endpoint: str, realtime: str) -> None:
        """Show what comes from the Events API at these addresses."""
        self._places = {"endpoint": endpoint, "realtime": realtime}
        origin = f"ws://{urlsplit(realtime).netloc}"
        self._policy = (
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; "
            f"connect-src 'self' {origin}; form-action 'none'; base-uri 'none'; "
            "frame-ancestors 'none'"
        )

    def is_page(self, path: str) -> bool:
        """Return whether a link from another site may open it."""
        return path == PAGE

    def answer(self, request: Request) -> Response | None:
        """Answer a request, if it is for one of these files."""
        if request.method not in ("GET", "HEAD"):
            return None
        if request.path == PLACES:
            return Response.of_json(self._places)
        if request.path not in _FILES:
            return None
        headers = {
            "Content-Type": _FILES[request.path],
            "Content-Security-Policy": self._policy,
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "same-origin",
            "Cache-Control": "no-cache",
        }
        return Response(HTTPStatus.OK, headers, (_STATIC / request.path[1:]).read_bytes())
