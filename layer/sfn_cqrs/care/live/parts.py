"""Makes the channels of live updates."""

from typing import Any, cast

from sfn_cqrs.care.live.events import LiveEvents
from sfn_cqrs.kernel.parts import Parts, at_once, part


@part
def live_events(parts: Parts) -> LiveEvents:
    """Return the channels of live updates, if the stack has them."""
    import boto3  # noqa: PLC0415 - a function that calls nothing pays nothing

    session = cast("Any", boto3).session.Session()
    return LiveEvents(session, parts.variable("LIVE_ENDPOINT"), at_once(parts))
