"""Moments that people type and choose: spans before now, and times of their zone."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Final

WITHIN: Final = {
    "": "any time",
    "15m": "last 15 minutes",
    "1h": "last hour",
    "today": "today",
    "24h": "last 24 hours",
    "7d": "last 7 days",
    "between": "between …",
}
_SPANS: Final = {
    "15m": timedelta(minutes=15),
    "1h": timedelta(hours=1),
    "24h": timedelta(days=1),
    "7d": timedelta(days=7),
}


def since_and_until(
    wanted: Mapping[str, str], now: datetime | None = None
) -> tuple[datetime | None, datetime | None]:
    """Return the time that an address asks for; moments without a zone are UTC."""
    now, within = now or datetime.now(UTC), wanted.get("within", "")
    if within in _SPANS:
        return now - _SPANS[within], None
    if within == "today":
        offset = wanted.get("offset", "")
        minutes = int(offset) if offset.lstrip("-").isdigit() else 0
        there = now + timedelta(minutes=minutes)
        midnight = there.replace(hour=0, minute=0, second=0, microsecond=0)
        return midnight - timedelta(minutes=minutes), None
    return moment_of(wanted.get("from", "")), moment_of(wanted.get("to", ""))


def moment_of(text: str) -> datetime | None:
    """Read a moment; None where it is none."""
    try:
        found = datetime.fromisoformat(text) if text else None
    except ValueError:
        return None
    return found if found is None or found.tzinfo else found.replace(tzinfo=UTC)


def typed(text: str) -> str:
    """Write a moment as a field for dates and times has it, in UTC; empty where it is none."""
    found = moment_of(text)
    return found.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S") if found else ""
