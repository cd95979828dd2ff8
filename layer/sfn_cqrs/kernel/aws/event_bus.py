"""An EventBridge bus that gets every status notice, if the stack has one."""

import json
from typing import TYPE_CHECKING

from sfn_cqrs.kernel.errors import BusyError
from sfn_cqrs.kernel.notices import Message, event_of

if TYPE_CHECKING:
    from mypy_boto3_events import EventBridgeClient

SOURCE = "sfn-cqrs"


class EventBus:
    """The bus of a stack."""

    def __init__(self, client: "EventBridgeClient", name: str, stack: str) -> None:
        """Use one bus; events name the stack as their resource."""
        self._client = client
        self._name = name
        self._stack = stack

    def put(self, notice: Message) -> None:
        """Put a notice on the bus.

        Raises:
            BusyError: the bus has not accepted it; it may later.
        """
        entry = {
            "EventBusName": self._name,
            "Source": SOURCE,
            "DetailType": notice["action"],
            "Detail": json.dumps(event_of(notice), ensure_ascii=False),
            "Resources": [self._stack],
        }
        answer = self._client.put_events(Entries=[entry])  # type: ignore[list-item]
        if answer["FailedEntryCount"]:
            raise BusyError(f"the event bus refuses: {answer['Entries'][0].get('ErrorCode')}")
