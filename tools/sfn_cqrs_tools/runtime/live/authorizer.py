"""Asks the template's own function who may subscribe, as AppSync asks it."""

from __future__ import annotations

import json
from typing import Any

from sfn_cqrs_tools.runtime.identity import claims
from sfn_cqrs_tools.runtime.lambdas import Functions
from sfn_cqrs_tools.runtime.live.session import Authorization, RefusedError
from sfn_local import FunctionError


class Authorizer:
    """Asks the function of the channel namespace's handler OnSubscribe."""

    def __init__(self, functions: Functions, function: str) -> None:
        """Take the function by its logical id."""
        self._functions = functions
        self._function = function

    def __call__(self, channel: str, authorization: Authorization) -> None:
        """Return where a client may subscribe.

        Raises:
            RefusedError: it may not; the message is the function's.
        """
        event = subscribe_event(channel, authorization)
        try:
            answer = json.loads(self._functions.invoke(self._function, json.dumps(event).encode()))
        except FunctionError as error:
            raise RefusedError(
                "SubscriptionProcessingError", "There was an error processing the operation"
            ) from error
        if answer is not None:
            why = answer.get("error", answer) if isinstance(answer, dict) else answer
            raise RefusedError("SubscriptionProcessingError", str(why))


def subscribe_event(channel: str, authorization: Authorization) -> dict[str, Any]:
    """Return AppSync's event for a direct integration, with claims made from the headers."""
    headers = {name.lower(): value for name, value in authorization.items()}
    made = claims(headers)
    segments = channel.strip("/").split("/")
    return {
        "identity": {"claims": made, "issuer": made["iss"], "sub": made.get("sub", "")},
        "result": None,
        "request": {"headers": {}, "domainName": None},
        "info": {
            "channel": {"path": channel, "segments": segments},
            "channelNamespace": {"name": segments[0]},
            "operation": "SUBSCRIBE",
        },
        "error": None,
        "prev": None,
        "stash": {},
        "outErrors": [],
        "events": None,
    }
