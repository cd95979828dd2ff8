"""A mail that is sent again whenever its handler runs again."""

from sfn_cqrs.read_models import sync_handler

OUTSIDE = "send_mail"


def send_mail(to, text, idempotency_key=None):
    raise ConnectionError(f"no test sends mail: {to} {text} {idempotency_key}")


@sync_handler("LETTER")
def wrong(command):
    send_mail(command.key.code, f"version {command.version}")


@sync_handler("LETTER")
def right(command):
    """Give the provider a key by which it knows the mail."""
    send_mail(command.key.code, f"version {command.version}", idempotency_key=command.id)
