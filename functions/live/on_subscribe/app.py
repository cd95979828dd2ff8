"""on_subscribe: may the bearer of this token subscribe to this channel?

AppSync has verified the token; the answer is null, or the reason for a refusal.

Source: AWS AppSync Events Developer Guide, "Direct data source integrations using Lambda".
"""

from typing import Any

from sfn_cqrs.care.live.service import check_subscribe
from sfn_cqrs.kernel.caller import Identity
from sfn_cqrs.kernel.errors import SfnCqrsError
from sfn_cqrs.kernel.functions.logs import logger, naming_request
from sfn_cqrs.kernel.masking import masked


@naming_request
def lambda_handler(event: dict[str, Any], _context: object) -> dict[str, str] | None:
    """Let a subscription be, or refuse it."""
    path = event["info"]["channel"]["path"]
    try:
        identity = Identity.of_claims((event.get("identity") or {}).get("claims") or {})
        check_subscribe(path, identity)
    except SfnCqrsError as error:
        logger.info("a subscription is refused", code=error.code)
        return {"error": f"{error.code}: {masked(str(error))}"}
    return None
