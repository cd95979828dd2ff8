"""erase_people: every hour, the erasures that have work left.

An event may name one thing to do at once: `{"detail": {"tenant": …, "erasure": ID}}` works on one
erasure, `{"detail": {"tenant": …, "subject": …}}` only says what one would find, and
`{"detail": {"replay": true}}` asks again for all after a restore. With `seconds`, the first two
stop after these and say which step is next; `plan` is the answer that a plan goes on with.
"""

import math
from typing import Any

from sfn_cqrs.care.erasure.service import plan, replay, work_at_once, work_on_all
from sfn_cqrs.kernel.functions.logs import naming_request
from sfn_cqrs.kernel.functions.state import naming_transient, remaining_ms_of
from sfn_cqrs.kernel.values import Json

MARGIN_MS = 30_000


@naming_request
@naming_transient()
def lambda_handler(event: dict[str, Any], context: Any) -> dict[str, Json]:
    """Work on what is open, or on what the event names."""
    asked = event.get("detail") or {}

    turn_ms = 1_000 * asked.get("seconds", math.inf)
    least_ms = max(MARGIN_MS, remaining_ms_of(context) - turn_ms)

    def is_late() -> bool:
        return bool(remaining_ms_of(context) < least_ms)

    if asked.get("replay"):
        return {"asked": replay()}
    if "subject" in asked:
        return plan(asked["tenant"], asked["subject"], is_late, asked.get("plan"))
    if "erasure" in asked:
        return work_at_once(asked["tenant"], asked["erasure"], is_late)
    return {"due": work_on_all(is_late)}
