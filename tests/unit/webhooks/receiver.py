"""A receiver of webhooks, which checks them with the library of Standard Webhooks."""

from standardwebhooks import Webhook


def hear(secret: str, body: bytes, headers: dict[str, str], seen: set[str]) -> str:
    """Check who has signed it, and take each webhook once."""
    event = Webhook(secret).verify(body, headers)
    if headers["webhook-id"] in seen:
        return "known"
    seen.add(headers["webhook-id"])
    return f"{event['type']} of {event['data']['id']}"
