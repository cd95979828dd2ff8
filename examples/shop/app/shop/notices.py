"""The shop's reaction to a closed version."""

from typing import Any

from sfn_cqrs.notices import logger, on_notice


@on_notice("command-status")
def tell_of_failures(notice: dict[str, Any]) -> None:
    """Log what did not go well; send an e-mail or a chat message here."""
    content = notice["content"]
    if content["outcome"] in ("FAILED", "BLOCKED"):
        logger.warning("a command did not go well", id=notice["id"], error=content["error"])
