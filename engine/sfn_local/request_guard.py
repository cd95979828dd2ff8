"""Which requests a local listener answers: those of this machine's programs and of its own pages.

Any page that the developer opens can send requests to 127.0.0.1, and a name of any domain can
point there. The rule is asked before a body is read or a handler runs. It needs nothing but the
standard library: the fabric's process loads this file by its path.

Sources: Fetch, "Origin header"; W3C, "Fetch Metadata Request Headers"; RFC 9112, section 3.2.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Final

# What every answer carries: no page can show it in a frame and borrow a click.
NO_FRAMES: Final = {
    "X-Frame-Options": "DENY",
    "Content-Security-Policy": "frame-ancestors 'none'",
}

_HOST: Final = re.compile(r"(?:\[(?P<v6>[0-9A-Fa-f:.]+)\]|(?P<name>[A-Za-z0-9._-]+))(?::\d{1,5})?")


def _no_page(_path: str) -> bool:
    return False


@dataclass(frozen=True, slots=True)
class Guard:
    """The rule of one listener."""

    host: str = "127.0.0.1"
    """The names that it listens on, which may be asked for beside loopback."""
    origins: frozenset[str] = frozenset()
    """Origins of other pages that may call it."""
    remedy: str = "no page may"
    """The origins whose pages may call it."""
    is_page: Callable[[str], bool] = _no_page
    """Whether GET of a path, encoded as sent, shows a page that a link from elsewhere may open."""
    hosts: frozenset[str] = frozenset()
    """Other names and addresses that it may be asked by."""

    def refusal(self, method: str, target: str, headers: Mapping[str, str]) -> str | None:
        """Why a request is refused with 403 and what to do, or None where it may be served.

        Header names are in lower case; values of a repeated header are joined, and refused so.
        """
        host, origin = headers.get("host", "").lower(), headers.get("origin")
        if not target.startswith("/"):
            return f"{target!r} is not a path: this is not a proxy, ask for /path"
        if not self._is_ours(host):
            return (
                f"Host {host!r} is not this machine: use 127.0.0.1 or localhost, or start with "
                "--host or --allow-host, where the command has it, and the name that clients use"
            )
        if origin in self.origins:
            return None
        if origin not in (None, f"http://{host}"):
            return f"Origin {origin!r} may not call this machine; {self.remedy}"
        site = headers.get("sec-fetch-site", "none")
        if site in ("none", "same-origin") or self._is_opened_page(method, target, headers):
            return None
        return f"Sec-Fetch-Site {site!r}: a page of another site may not call this machine"

    def _is_ours(self, host: str) -> bool:
        match = _HOST.fullmatch(host)
        if match is None:
            return False
        name = match["v6"] or match["name"]
        if name in ("localhost", self.host.lower()) or name in self.hosts:
            return True
        try:
            return ip_address(name).is_loopback
        except ValueError:
            return False

    def _is_opened_page(self, method: str, target: str, headers: Mapping[str, str]) -> bool:
        """Whether the browser opens a page as a whole, where whoever sent it there reads nothing.

        Its answer refuses framing, see NO_FRAMES.
        """
        opens = (headers.get("sec-fetch-mode"), headers.get("sec-fetch-dest"))
        path = target.partition("?")[0]
        return method == "GET" and opens == ("navigate", "document") and self.is_page(path)
