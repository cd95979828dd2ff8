"""How large what a caller gives may be."""

from sfn_local.document import byte_size
from sfn_local.errors import ValidationException
from sfn_local.quotas import QUOTAS

LONGEST_ERROR = 256


def check_size(text: str, what: str) -> None:
    """See that a payload is not too large.

    Raises:
        ValidationException: it is.
    """
    if byte_size(text) > QUOTAS.payload_bytes:
        raise ValidationException(f"{what} may have at most {QUOTAS.payload_bytes} bytes")


def check_reasons(error: str | None, cause: str | None) -> None:
    """See that an error and its cause are not too long.

    Raises:
        ValidationException: one of them is.
    """
    if error is not None and len(error) > LONGEST_ERROR:
        raise ValidationException(f"error may have at most {LONGEST_ERROR} characters")
    if cause is not None and len(cause) > QUOTAS.cause_characters:
        raise ValidationException(f"cause may have at most {QUOTAS.cause_characters} characters")
