"""Where a webhook may go: https, to a host all of whose addresses are public."""

from collections.abc import Sequence
from ipaddress import IPv6Address, ip_address
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from sfn_cqrs.kernel.errors import WebhookTargetError

_HTTPS: Final = 443


class Target(NamedTuple):
    """A checked URL."""

    host: str
    port: int
    path: str


def target_of(url: str) -> Target:
    """Return the parts of a URL.

    Raises:
        WebhookTargetError: it is not https, or has a user, a fragment or strange characters.
    """
    if not url.isascii() or not url.isprintable() or " " in url:
        raise WebhookTargetError("its URL has characters that a URL must not have: encode them")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port or _HTTPS
    except ValueError:
        raise WebhookTargetError("its URL cannot be read") from None
    if parts.scheme != "https" or not host:
        raise WebhookTargetError("its URL does not begin with https:// and a host")
    if "@" in parts.netloc or parts.fragment:
        raise WebhookTargetError("its URL has a user or a fragment: leave these out")
    return Target(host, port, (parts.path or "/") + (f"?{parts.query}" if parts.query else ""))


def checked(host: str, addresses: Sequence[str]) -> list[str]:
    """Return the addresses of a host if each of them is public.

    Raises:
        WebhookTargetError: one is not; it is not quoted, so nobody learns of our network.
    """
    if not addresses or not all(map(is_public, addresses)):
        raise WebhookTargetError(f"{host} has an address that is not public, or none")
    return list(dict.fromkeys(addresses))


def is_public(address: str) -> bool:
    """Return whether an address belongs to no private, local, shared or reserved network."""
    try:
        found = ip_address(address)
    except ValueError:
        return False
    if isinstance(found, IPv6Address) and (found.ipv4_mapped or found.sixtofour or found.teredo):
        return False  # another address is hidden in it
    return found.is_global and not (
        found.is_multicast or found.is_reserved or found.is_private or found.is_link_local
    )
